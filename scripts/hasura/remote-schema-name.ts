/** The service's name among Hasura's remote schemas. */
export const REMOTE_SCHEMA = 'np-slo';
