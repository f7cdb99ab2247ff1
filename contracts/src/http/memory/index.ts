export { memoryChunks } from './chunks.ts'
export { memoryDocuments } from './documents.ts'
export { memoryEntries } from './entries.ts'
export { memorySearch } from './search.ts'
