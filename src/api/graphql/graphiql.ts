/** The page of GraphiQL with everything in it: 9 MB that need no other server. Loaded when first asked for. */
export async function graphiqlPage(): Promise<Response> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'nself-slo-tracker',
    headers: JSON.stringify({ Authorization: 'Bearer <the token printed at the start>' }, null, 2),
    defaultQuery: WELCOME,
  });
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
}

const WELCOME = `# Put your token into "Headers" below.
query Fleet {
  slos(limit: 20) {
    total
    items {
      project
      name
      state
      status {
        objectives {
          objective
          reliability
          budget
          burnRate
        }
      }
    }
  }
}
`;
