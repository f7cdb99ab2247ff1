/** Shapes and sentences that the operations on files share. */
import { z } from 'zod'

/** What a form with a file may hold in all. */
export const uploadLimitBytes = 52_428_800

export const fileEntry = z
  .object({
    path: z.string().describe('Relative to the root of the tenant'),
    name: z.string(),
    isDir: z.boolean(),
    size: z.int().describe('0 for folders'),
    hasChildren: z.boolean().optional().describe('There only when true'),
    protected: z.boolean(),
    url: z.string().optional().describe('Where the file is served; only of /v1/files'),
  })
  .meta({ id: 'FileEntry', description: 'A file or a folder' })

export const fileListing = z
  .object({ files: z.array(fileEntry), baseDir: z.string().describe('Absolute path of the root of the tenant') })
  .meta({ id: 'FileListing', description: 'Files and folders, a folder before what is in it' })

export const filePath = z.string().max(4_096).describe('Path of a file or a folder, relative to the root of the tenant')

/** What a listing is asked with. */
export const listingQuery = z.object({
  path: filePath.optional().describe('Folder to start from, relative to the root'),
  depth: z.coerce.number().int().min(1).max(20).catch(3).default(3).describe('Levels to show, 1 to 20'),
})

const flag = z.enum(['true']).optional().catch(undefined)
export const download = flag.describe('`true` offers the file for download')
export const raw = flag.describe('`true` sends the file as it is')

/** A file as it is: the bytes that were asked for. */
export const servedFile = {
  response: { 200: z.string(), 206: z.string(), 304: z.undefined() },
  produces: 'application/octet-stream',
  producesExample: 'the bytes of the file',
} as const

export const refusesPaths =
  'A path with two dots in a row, a backslash or a control character, one over 4,096 bytes or with a name over 255, and one on which a symbolic link stands is answered 400'
export const sendsRanges =
  'A `Range` of bytes is answered 206 with those, one that lies outside 416; of several all of the file is sent'
export const validates =
  '`ETag` and `Last-Modified` are sent, and what has not changed since is answered 304 to `If-None-Match` and `If-Modified-Since`'
export const cannotRun =
  'It is sent with `nosniff` and under a policy that lets it run nothing (`Content-Security-Policy: sandbox`); pages, SVG and XML are offered for download only'
export const tellsTypes = '`Content-Type` is told by the extension of the name, else by what the file begins with'
