import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'
import { cannotRun, sendsRanges, servedFile, uploadLimitBytes, validates } from './stored-files.ts'

/** What names a media file. */
const mediaId = z
  .string()
  .max(255)
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/)

export const media = defineHttpTable('tools', {
  uploadMedia: {
    method: 'POST',
    path: '/v1/media/upload',
    role: 'operator',
    summary: 'Upload a file for a message',
    rules: {
      answersAPath:
        'The answer names the stored file by its absolute path, which `chat.send` takes, with its type by the extension and its cleaned name',
      staysInTheTenant:
        'It is kept in the part of the workspace that is the tenant’s, for nobody else on the machine to read',
      keepsExtensions: 'The stored name ends in the extension of the file’s, `.bin` where it has none',
      boundsTheForm: 'A form of more than 50 MiB, or a broken one, is answered 400, and nothing of it is kept',
      keepsToTheQuota: 'A file that would take the tenant over its quota is answered 429, not retryable',
    },
    upload: z.object({}),
    bodyLimitBytes: uploadLimitBytes,
    largeBody: 'invalid',
    response: {
      200: z.object({
        path: z.string().describe('Absolute path on the server'),
        mime_type: z.string(),
        filename: z.string(),
      }),
    },
    errors: [429],
  },
  serveMedia: {
    method: 'GET',
    path: '/v1/media/{id}',
    role: 'viewer',
    signedUrl: true,
    queryToken: true,
    summary: 'A media file, by its id',
    rules: {
      findsById: 'A file that was uploaded, or belongs to a session, is found by its id, with or without its extension',
      refusesOtherIds: 'What is no id of letters, digits, dots, hyphens and underscores is answered 400',
      staysInTheTenant: 'A file of another tenant is answered 404',
      takesSignatures:
        'A signed address (`?ft=`) opens it to whoever has it, for five minutes; one that does not hold is answered 401 whatever else is sent',
      takesQueryToken: 'Where there is no `Authorization` header `?token=` counts as one',
      isKeptForADay: 'Browsers may keep it for a day',
      sendsRanges,
      validates,
      cannotRun,
    },
    params: z.object({ id: mediaId.describe('Id of the file') }),
    ...servedFile,
    errors: [404],
  },
})
