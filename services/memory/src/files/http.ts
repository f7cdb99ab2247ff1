import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { MemoryFileUseCases } from './use-cases.ts'

const ok = true as const

export const createMemoryFileHttp = (files: MemoryFileUseCases) =>
  implementHttp(http.memoryFiles)({
    readMemory: async ({ call, query: { path } }) =>
      path === undefined ? { ok, files: await files.list(call) } : { ok, ...(await files.read(call, path)) },
    writeMemory: async ({ call, body }) => ({ ok, path: await files.write(call, body.path, body.content) }),
    deleteMemory: async ({ call, query }) => ({ ok, deleted: ok, path: await files.remove(call, query.path) }),
  })
