/** Roles that read; those that also write are configured. Every other role may do nothing. */
const READ_ROLES: readonly string[] = ['user', 'nself_user', 'viewer'];

export type Right = 'write' | 'read' | 'none';

export function rightOf(role: string, writeRoles: readonly string[]): Right {
  if (writeRoles.includes(role)) return 'write';
  return READ_ROLES.includes(role) ? 'read' : 'none';
}
