import type { DocumentNode } from 'graphql';
import { createLRUCache } from 'graphql-yoga';

/** Parsed documents by their text. */
export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
}

const MAX_DOCUMENTS = 250;
const MAX_CHARACTERS = 4096;

/** Of a bounded size: a parsed document takes about a hundred times its text, so only short ones are kept. */
export function createDocumentCache(): DocumentCache {
  const cache = createLRUCache<DocumentNode>({ max: MAX_DOCUMENTS });
  return {
    get: (text) => cache.get(text),
    set: (text, document) => {
      if (text.length <= MAX_CHARACTERS) cache.set(text, document);
    },
  };
}
