type Json = Readonly<Record<string, unknown>>;

/** What a face adds to the one OpenAPI 3.1 document of the service; names are unique in all of it. */
export interface OpenApiPart {
  /** Path items by path. */
  readonly paths: Readonly<Record<string, Json>>;
  /** `components.schemas` and `components.responses`, by their names. */
  readonly schemas: Json;
  readonly responses: Json;
}
