/** clawgo's memory files: the shared documents of the tenant's default agent, by the names of a folder. */
import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { documentLimitBytes } from './shared.ts'

const path = z.string().describe('`MEMORY.md`, or a path below the folder of memory files')
const ok = z.literal(true)

const memoryFile = { path: '/api/memory', dialect: 'clawgo', queryToken: true } as const

const cleansPaths =
  'The path is trimmed and its empty and `.` steps are dropped; one that is empty, absolute, begins with `..` or has a backslash or a NUL is answered 400 `invalid path`'
const belongsToTheDefaultAgent =
  "The files are the shared documents of the tenant's default agent: `MEMORY.md` is the one of that path, any other file is at `memory/<path>`"

export const memoryFiles = defineHttpTable('memory', {
  readMemory: {
    ...memoryFile,
    method: 'GET',
    role: 'viewer',
    summary: 'Memory files, or the text of one',
    rules: {
      belongsToTheDefaultAgent,
      listsTheFolder:
        'Without a path the names of the files are listed: `MEMORY.md` first, then those of the folder by name, without what is in folders below it',
      readsMemoryMdFirst:
        '`MEMORY.md`, in upper or lower case, is the file beside the folder, else the one of that name in it',
      cleansPaths,
      answersTheCleanPath: 'The answer has the path as it was cleaned',
      answersUnknown404: 'A file that is not there is answered 404 `file does not exist`',
    },
    query: z.object({ path: path.optional() }),
    response: {
      200: z.union([
        z.object({ ok, files: z.array(z.string()) }),
        z.object({ ok, path: z.string(), content: z.string() }),
      ]),
    },
    errors: [400, 404],
  },
  writeMemory: {
    ...memoryFile,
    method: 'POST',
    role: 'operator',
    summary: 'Write a memory file',
    rules: {
      writesWhereItIsRead: 'A file is written where it is read from, `MEMORY.md` too, and folders need not exist',
      cleansPaths,
      storesMissingContentAsEmpty: 'A content that is left out is the empty text',
      indexesTheFile: 'A Markdown file is found by the search of memory from then on',
      refusesBadJson: 'A body that is no JSON is answered 400 `invalid json`',
    },
    body: z.object({ path, content: z.string().default('') }),
    bodyLimitBytes: documentLimitBytes,
    response: { 200: z.object({ ok, path: z.string() }) },
    errors: [400, 404],
  },
  deleteMemory: {
    ...memoryFile,
    method: 'DELETE',
    role: 'operator',
    summary: 'Delete a memory file',
    rules: {
      deletesWhatIsRead: 'The file that a read of the path answers goes, and its chunks with it',
      cleansPaths,
      answersUnknown404: 'A file that is not there is answered 404 `file does not exist`',
    },
    query: z.object({ path: path.default('') }),
    response: { 200: z.object({ ok, deleted: z.literal(true), path: z.string() }) },
    errors: [400, 404],
  },
})
