import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import {
  cannotRun,
  download,
  fileListing,
  listingQuery,
  refusesPaths,
  sendsRanges,
  servedFile,
  tellsTypes,
  validates,
} from './stored-files.ts'

const takesSignatures =
  'A signed address (`?ft=`) opens this one file to whoever has it, for five minutes; one that is forged, late or for another path is answered 401 whatever else is sent'
const takesQueryToken = 'Where there is no `Authorization` header `?token=` counts as one'

export const files = defineHttpTable('tools', {
  listWorkspaceFiles: {
    method: 'GET',
    path: '/v1/files',
    role: 'viewer',
    summary: 'List the files of the tenant, with the address of each',
    rules: {
      listsTheStorage: 'The answer is that of `GET /v1/storage/files` to the same question',
      tellsAddresses: 'Every file has its unsigned address below `/v1/files/` as `url`',
    },
    query: listingQuery,
    response: { 200: fileListing },
    errors: [400],
  },
  serveFile: {
    method: 'GET',
    path: '/v1/files/{path...}',
    role: 'viewer',
    signedUrl: true,
    queryToken: true,
    summary: 'A file of the tenant, by its path',
    rules: {
      takesAbsolutePaths:
        'The path is an absolute one without its leading slash; one that begins nowhere is meant relative to the root of the tenant',
      staysInTheTenant: 'What lies outside the part of the workspace that is the tenant’s is answered 404',
      deniesTheSystem:
        'Paths below /etc, /proc, /sys, /dev, /root, /boot, /run, /var/run and /var/log that are not in the workspace are answered 403, signed or not',
      refusesPaths,
      findsTimestamped:
        'Where there is no such file, the newest beside it answers whose name goes on after the same stem, with the same extension',
      findsByName:
        'Else the only file of that name in the tenant’s visible folders answers, and 404 where there are several',
      takesSignatures,
      isOfTheSignedTenant: 'A signed address is for the tenant that it was made in, whatever tenant the request names',
      outlivesKeyRotation:
        'An address that an older key of the ring has signed holds until it is late, and none once that key has gone',
      takesQueryToken,
      tellsTypes,
      sendsRanges,
      validates,
      isPrivate: 'It may be kept by browsers, which ask each time whether it has changed',
      cannotRun,
      offersDownloads: 'With `download=true` it is offered for download under its name',
    },
    params: z.object({ path: z.string().describe('Path of the file') }),
    query: z.object({ download }),
    ...servedFile,
    errors: [404],
  },
  signFileUrl: {
    method: 'POST',
    path: '/v1/files/sign',
    role: 'operator',
    summary: 'Make a short-lived address of a file that needs no credential',
    rules: {
      signsTheFileAlone:
        'The address opens that file for five minutes with the rights of who made it, and may name one that does not exist yet',
      cleansPaths: 'The path is cleaned, its leading slash dropped and the rest put behind `/v1/files/`',
      refusesForeignPaths:
        'A path outside the tenant’s part of the workspace, or of the system, is answered 403, one with two dots in a row 400',
      needsAPath: 'A body that is no JSON, or has no `path`, or an empty one, is answered 400',
    },
    body: z.object({ path: z.string().min(1).max(4_096).describe('Absolute path of the file') }),
    response: { 200: z.object({ url: z.string() }) },
    errors: [400],
  },
})
