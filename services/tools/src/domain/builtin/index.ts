/** The built-in tools that exist here. A tool of the catalogue that is missing is never offered and cannot be run. */
import type { Tool } from '../tool.ts'
import { edit } from './edit.ts'
import { listFiles } from './list-files.ts'
import { memoryGet } from './memory-get.ts'
import { memorySearch } from './memory-search.ts'
import { readFile } from './read-file.ts'
import { webFetch } from './web-fetch.ts'
import { writeFile } from './write-file.ts'

export const builtinTools: ReadonlyMap<string, Tool> = new Map(
  [readFile, writeFile, listFiles, edit, webFetch, memorySearch, memoryGet].map((tool) => [tool.name, tool]),
)
