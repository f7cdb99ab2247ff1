import { http, MeshError } from '@clawmesh/contracts'
import { eventStream, implementHttp, streamed, type HttpImplementation } from '@clawmesh/chassis'
import { sendFile, type Sending } from './send.ts'
import type { Served, StorageUseCases } from './use-cases.ts'

const forMinutes = 'private, max-age=300'
const forADay = 'private, max-age=86400'
const askEachTime = 'private, no-cache'

type Asked = Pick<Sending, 'headers'> & { method: string }

const send = (
  { name, open }: Served,
  { headers, method }: Asked,
  options: Pick<Sending, 'cacheControl'> & { download?: 'true' | undefined },
) =>
  streamed((response) =>
    open((file) =>
      sendFile(response, file, {
        name,
        headers,
        headOnly: method === 'HEAD',
        cacheControl: options.cacheControl,
        download: options.download === 'true',
      }),
    ),
  )

/** Whether a client takes JSON and no events. */
const wantsJson = (accept = ''): boolean => accept.includes('application/json') && !accept.includes('text/event-stream')

const addressOf = (baseDir: string, path: string): string =>
  `/v1/files/${`${baseDir}/${path}`.split('/').filter(Boolean).map(encodeURIComponent).join('/')}`

const required = (field: string, value: string | undefined): string => {
  if (value === undefined || value === '') throw new MeshError('INVALID_REQUEST', 'error.required', { field })
  return value
}

export const createStorageHttp = (storage: StorageUseCases): HttpImplementation[] => [
  implementHttp(http.files)({
    listWorkspaceFiles: async ({ caller, query: { path = '', depth } }) => {
      const baseDir = storage.baseDir(caller)
      const files = await storage.list(caller, path, depth)
      return {
        files: files.map((file) => (file.isDir ? file : { ...file, url: addressOf(baseDir, file.path) })),
        baseDir,
      }
    },
    serveFile: async ({ caller, params: { path }, query: { download }, ...asked }) =>
      send(await storage.served(caller, path), asked, { cacheControl: askEachTime, download }),
    signFileUrl: async ({ caller, body: { path } }) => ({ url: await storage.signed(caller, path) }),
  }),

  implementHttp(http.storage)({
    listStorageFiles: async ({ caller, query: { path = '', depth } }) => ({
      files: await storage.list(caller, path, depth),
      baseDir: storage.baseDir(caller),
    }),
    uploadStorageFile: async ({ call, query: { path = '' }, upload }) => storage.upload(call, path, upload),
    readStorageFile: async ({ caller, params: { path }, query: { raw, download }, ...asked }) => {
      const file = await storage.file(caller, path)
      if (raw === undefined && download === undefined) return storage.text(file, path)
      return send(file, asked, { cacheControl: forMinutes, download })
    },
    deleteStorageFile: async ({ call, params: { path } }) => {
      await storage.remove(call, path)
      return { status: 'deleted' as const }
    },
    deleteStoragePath: async ({ call, params: { path } }) => {
      // The folder of that name has the address of all files.
      if (/^files\/?$/.test(path)) throw new MeshError('INVALID_REQUEST', 'error.required', { field: 'path' })
      await storage.remove(call, path)
      return { status: 'deleted' as const }
    },
    moveStorageFile: async ({ call, query, body }) => {
      const from = required('from', query.from ?? body?.from)
      const to = required('to', query.to ?? body?.to)
      await storage.move(call, from, to)
      return { from, to }
    },
    streamStorageSize: async ({ call, headers }) => {
      if (wantsJson(headers.accept)) return storage.size(call, async () => undefined)
      return streamed(async (response) => {
        const events = eventStream(response)
        try {
          const done = await storage.size(call, (progress) => events.send(JSON.stringify(progress)))
          await events.send(JSON.stringify(done))
        } finally {
          events.end()
        }
      })
    },
  }),

  implementHttp(http.media)({
    uploadMedia: async ({ call, upload }) => storage.uploadMedia(call, upload),
    serveMedia: async ({ caller, params: { id }, ...asked }) =>
      send(await storage.media(caller, id), asked, { cacheControl: forADay }),
  }),
]
