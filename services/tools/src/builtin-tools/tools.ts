/** The built-in tools that exist here. A tool of the catalogue that is missing is never offered and cannot be run. */
import type { Tool } from '../tool/tool.ts'
import { edit } from '../files/edit.ts'
import { listFiles } from '../files/list-files.ts'
import { memoryGet } from '../memory/memory-get.ts'
import { memorySearch } from '../memory/memory-search.ts'
import { readFile } from '../files/read-file.ts'
import { webFetch } from '../web/web-fetch.ts'
import { writeFile } from '../files/write-file.ts'

export const builtinTools: ReadonlyMap<string, Tool> = new Map(
  [readFile, writeFile, listFiles, edit, webFetch, memorySearch, memoryGet].map((tool) => [tool.name, tool]),
)
