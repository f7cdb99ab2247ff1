/** What the tests of stored files share: forms, and the folder of a tenant on the disk. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Caller } from '@clawmesh/contracts'
import { testCaller } from '../../../test/support/service-harness.ts'
import type { ToolsHarness } from './support.ts'

export interface Entry {
  path: string
  name: string
  isDir: boolean
  size: number
  hasChildren?: boolean
  protected: boolean
  url?: string
}

/** A form with one file, as bytes, and its header. */
export const fileForm = (name: string, content: Buffer | string, field = 'file') => {
  const boundary = `form-${randomUUID()}`
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${name}"\r\n\r\n`
  return {
    body: Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from(`\r\n--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  }
}

export const tenantFiles = (tools: ToolsHarness, overrides: Partial<Caller> = {}) => {
  const caller = testCaller({ role: 'admin', tenantSlug: `t-${randomUUID()}`, ...overrides })
  const root = join(tools.workspaceDir, 'tenants', caller.tenantSlug)
  const query = (path: string | undefined) => (path === undefined ? '' : `?path=${encodeURIComponent(path)}`)
  return {
    caller,
    root,
    at: (...names: string[]) => join(root, ...names),
    ask: <B = { error: string; code: string }>(
      method: string,
      path: string,
      body?: unknown,
      headers?: Record<string, string>,
    ) => tools.request<B>(caller, method, path, body, headers),
    upload: (name: string, content: Buffer | string, folder?: string) => {
      const { body, headers } = fileForm(name, content)
      return tools.request<{ path: string; filename: string; size: number; code: string }>(
        caller,
        'POST',
        `/v1/storage/files${query(folder)}`,
        body,
        headers,
      )
    },
    list: async (path?: string, more = '') =>
      (
        await tools.request<{ files: Entry[]; baseDir: string }>(
          caller,
          'GET',
          `/v1/storage/files${query(path)}${more}`,
        )
      ).body,
  }
}

export type TenantFiles = ReturnType<typeof tenantFiles>
