import { z } from 'zod'
import { statusIs } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import {
  cannotRun,
  download,
  fileListing,
  filePath,
  raw,
  listingQuery,
  refusesPaths,
  sendsRanges,
  tellsTypes,
  uploadLimitBytes,
  validates,
} from './stored-files.ts'

const fileContent = z
  .object({
    content: z.string().describe('UTF-8; what is none has replacement characters'),
    path: z.string().describe('As it was asked for'),
    size: z.int().describe('Bytes'),
  })
  .meta({ id: 'FileContent', description: 'A file as text' })

const sizeProgress = z
  .object({ current: z.int().describe('Bytes so far'), files: z.int() })
  .meta({ id: 'StorageSizeProgress', description: 'How far a count is' })

const sizeDone = z
  .object({ total: z.int(), files: z.int(), done: z.literal(true), cached: z.boolean() })
  .meta({ id: 'StorageSizeDone', description: 'What a count found' })

const pathParams = z.object({ path: z.string().describe('Path below the root of the tenant') })

const protectsFolders =
  'What lies in `skills`, `skills-store`, `media`, `.media`, `.uploads` or `tenants` at the root, in upper or lower case and however the path is spelt, is answered 403'
const recounts = 'The kept size of the storage is forgotten, and the change stands in the audit log'

const deleteRules = {
  removesFolders: 'A folder goes with everything in it; a symbolic link goes itself, never what it leads to',
  protectsFolders,
  answersUnknown404: 'What is not there is answered 404, and an empty path 400',
  recounts,
} as const

const from = filePath.optional().describe('What is to move, relative to the root')
const to = filePath.optional().describe('Where it is to stand')

export const storage = defineHttpTable('tools', {
  listStorageFiles: {
    method: 'GET',
    path: '/v1/storage/files',
    role: 'viewer',
    summary: 'List files and folders of the tenant',
    rules: {
      isRootedInTheTenant:
        'The root is the folder of workspaces for the master tenant and `tenants/<slug>` in it for others; paths are relative to it, also where `path` narrows the listing',
      goesDepthFirst: 'Entries come depth first and by name, a folder before what is in it',
      boundsTheDepth:
        '`depth` is 1 to 20 levels from the listed folder, 3 where it is anything else; a folder at the last level that is not empty has `hasChildren`',
      leavesOutJunk:
        'Symbolic links, files that are being written and what systems leave behind (`.DS_Store`, `__MACOSX`, `Thumbs.db`, names that begin with `._` and the like) are not listed',
      hidesFolders: '`.media`, `.uploads` and, for the master tenant, `tenants` are not listed',
      marksProtected: 'What lies in a protected folder of the root says so',
      refusesPaths,
      isEmptyForUnknown: 'A folder that is not there has no entries',
      boundsTheListing: 'At most 20,000 entries are listed',
    },
    query: listingQuery,
    response: { 200: fileListing },
    errors: [400],
  },
  uploadStorageFile: {
    method: 'POST',
    path: '/v1/storage/files',
    role: 'admin',
    summary: 'Upload a file',
    rules: {
      makesFolders:
        'The file is stored in the folder `path`, which is made where there is none, for nobody else on the machine to read',
      keepsTheLastName:
        'Of the file’s name the last element counts; one that is empty, a dot or holds two dots in a row is answered 400',
      refusesPrograms:
        'Names that end in .exe, .sh, .bat, .cmd, .ps1, .com, .msi or .scr, in upper or lower case, are answered 400',
      protectsFolders,
      refusesPaths,
      replacesFiles:
        'A file of that name is replaced once the new one has come whole; a symbolic link is replaced, never followed',
      boundsTheForm: 'A form of more than 50 MiB is refused, and nothing of it is kept',
      keepsToTheQuota:
        'A file that would take the tenant over what CLAWMESH_STORAGE_QUOTA_MB lets each keep is answered 429, not retryable',
      recounts,
    },
    query: z.object({ path: filePath.optional().describe('Target folder, relative to the root') }),
    upload: z.object({}),
    bodyLimitBytes: uploadLimitBytes,
    response: { 200: z.object({ path: z.string(), filename: z.string(), size: z.int() }) },
    errors: [400, 429],
  },
  readStorageFile: {
    method: 'GET',
    path: '/v1/storage/files/{path...}',
    role: 'viewer',
    summary: 'Read a file, as JSON or as it is',
    rules: {
      readsText:
        'The answer holds the file as text, of which what is no UTF-8 becomes replacement characters, the path as it was asked for, and the size',
      takesEncodedSlashes: 'Slashes of the path may be percent-encoded',
      sendsBytes: 'With `raw=true` the bytes are sent, which browsers may keep for five minutes',
      offersDownloads:
        'With `download=true` they are offered for download under the name of the file, with or without `raw`',
      listsTheRoot: 'Without a path the answer is the listing of the root',
      refusesPaths,
      answersUnknown404: 'A folder, and what is not there, is answered 404',
      boundsTheText: 'A file over 50 MiB is read with `raw=true` only',
      tellsTypes,
      sendsRanges,
      validates,
      cannotRun,
    },
    params: pathParams,
    query: z.object({ raw, download }),
    response: { 200: fileContent, 206: z.string(), 304: z.undefined() },
    produces: 'application/octet-stream',
    producesExample: 'the bytes of the file',
    errors: [404],
  },
  deleteStorageFile: {
    method: 'DELETE',
    path: '/v1/storage/files/{path...}',
    role: 'operator',
    summary: 'Delete a file or a folder',
    rules: { ...deleteRules, refusesPaths },
    params: pathParams,
    response: { 200: statusIs('deleted') },
    errors: [404],
  },
  deleteStoragePath: {
    method: 'DELETE',
    path: '/v1/storage/{path...}',
    role: 'operator',
    summary: 'Delete a file or a folder, at another address',
    rules: {
      isTheSame: 'It does what `DELETE /v1/storage/files/{path}` does',
      meansTheRoot:
        '`DELETE /v1/storage/files` has no path, and is answered 400 where there is a folder of that name too',
    },
    params: pathParams,
    response: { 200: statusIs('deleted') },
    errors: [404],
  },
  moveStorageFile: {
    method: 'PUT',
    path: '/v1/storage/move',
    role: 'admin',
    summary: 'Move or rename a file or a folder',
    rules: {
      takesQueryOrBody: '`from` and `to` stand in the query, or in the body for those that are not there',
      makesFolders: 'Folders on the way to the destination are made',
      overwritesNothing: 'Where something stands at the destination it is answered 409; a source that is not there 404',
      protectsFolders,
      refusesPaths,
      recounts,
    },
    query: z.object({ from, to }),
    body: z.object({ from, to }).optional(),
    response: { 200: z.object({ from: z.string(), to: z.string() }) },
    errors: [404, 409],
  },
  streamStorageSize: {
    method: 'GET',
    path: '/v1/storage/size',
    role: 'viewer',
    summary: 'How much the tenant stores, as events while it is counted',
    rules: {
      streamsTheCount: 'Events without a name tell of every 50 files or 200 ms, and the last one of all, with `done`',
      keepsTheCount:
        'What was counted holds for an hour, or until something is uploaded, moved or deleted; it is sent at once then, with `cached`',
      leavesOutJunk: 'Symbolic links and what systems leave behind do not count',
      answersJson: 'A client that accepts JSON alone gets the last event as its answer',
      keepsNothingCutShort: 'A count that ended because its client left is not kept',
    },
    response: { 200: sizeDone },
    produces: 'text/event-stream',
    producesExample: `data: {"current":1024,"files":50}

data: {"total":2048,"files":70,"done":true,"cached":false}

`,
    eventData: z.union([sizeProgress, sizeDone]),
    errors: [],
  },
})
