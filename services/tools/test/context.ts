/** A caller of tools, with memory and context files that stand in for the services that keep them. */
import type { AgentFacts, ContextFiles, Memory, ToolContext } from '../src/tool/tool.ts'
import { createPageCache } from '../src/web/page-cache.ts'
import type { Search } from '../src/web/search/engines.ts'
import { createPageThreads } from '../src/web/page-threads.ts'

/** Shared by the tests of a file. They keep no process alive. */
export const pageThreads = createPageThreads()

export const noSearch: Search = { engines: [], cache: { get: () => undefined, set: () => {} } }

export const agentFacts: AgentFacts = {
  id: 'agent-1',
  key: 'writer',
  type: 'open',
  selfEvolve: false,
  shareMemory: false,
}

/** Documents by `agent/user/path`; user empty for the agent's own. */
export const memoryOf = (documents: Record<string, string>): Memory & { documents: Record<string, string> } => ({
  documents,
  search: async ({ agentId, userId, query, maxResults, minScore }) => ({
    results: Object.entries(documents)
      .filter(([key, content]) => key.startsWith(`${agentId}/`) && content.includes(query))
      .map(([key, content]) => {
        const [, user = '', ...path] = key.split('/')
        const score = content.length / 100
        return {
          path: path.join('/'),
          startLine: 1,
          endLine: 2,
          score,
          snippet: content,
          scope: user ? 'personal' : 'global',
        }
      })
      .filter(({ scope, score }) => (userId !== '' || scope === 'global') && score >= minScore)
      .slice(0, maxResults),
  }),
  get: async ({ agentId, userId, path }) => {
    const own = documents[`${agentId}/${userId}/${path}`]
    if (own !== undefined) return { found: true, content: own, scope: userId ? 'personal' : 'global' }
    const shared = documents[`${agentId}//${path}`]
    return { found: shared !== undefined, content: shared ?? '', scope: 'global' }
  },
  put: async ({ agentId, userId, path, content, append }) => {
    const key = `${agentId}/${userId}/${path}`
    documents[key] = append && documents[key] !== undefined ? `${documents[key]}\n\n---\n\n${content}` : content
  },
})

/** Files by `agent/user/name`. */
export const contextFilesOf = (
  files: Record<string, string>,
  isWriter = true,
): ContextFiles & { files: Record<string, string> } => ({
  files,
  isWriter: async () => isWriter,
  get: async ({ agentId, userId, fileName }) => {
    const content = files[`${agentId}/${userId}/${fileName}`]
    return { found: content !== undefined, content: content ?? '' }
  },
  set: async ({ agentId, userId, fileName, content }) => {
    if (content === '') delete files[`${agentId}/${userId}/${fileName}`]
    else files[`${agentId}/${userId}/${fileName}`] = content
  },
})

export const contextWith = (parts: Partial<ToolContext> = {}): ToolContext => ({
  tenantId: 'tenant-1',
  userId: 'alice',
  sessionKey: 'agent:writer:ws:direct:1',
  channel: 'ws',
  chatId: '1',
  peerKind: 'direct',
  agent: agentFacts,
  memory: memoryOf({}),
  contextFiles: contextFilesOf({}),
  web: {
    policy: {},
    extractors: [{ name: 'html-to-markdown', enabled: true, timeout: 0, max_retries: 1 }],
    cache: createPageCache(),
    search: noSearch,
    threads: pageThreads,
  },
  signal: new AbortController().signal,
  ...parts,
})
