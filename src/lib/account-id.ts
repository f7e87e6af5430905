const ACCOUNT_ID = /^[A-Za-z0-9_.:-]{1,128}$/;

/** The grammar of an account id. It holds the database's row level security up: see storage/client.ts. */
export function isAccountId(text: string): boolean {
  return ACCOUNT_ID.test(text);
}
