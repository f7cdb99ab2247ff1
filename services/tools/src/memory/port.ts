import type { GraphExtraction, MemoryServiceService } from '@clawmesh/contracts/gen/clawmesh/memory/v1/memory.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import { z } from 'zod'
import type { ToolSetting } from '../builtin-tools/types.ts'
import type { CallScope } from '../invoke/types.ts'
import type { PortMakers } from '../tool/ports.ts'
import { knowledgeGraphSearch } from './knowledge-graph-search.ts'

const extractionSettings = z.object({
  extract_on_memory_write: z.literal(true),
  extraction_provider: z.string().min(1),
  extraction_model: z.string().min(1),
  min_confidence: z.number().min(0).max(1).catch(0),
})

/** How the tenant wants its graphs to learn from memory; undefined when it does not, or does not say by which model. */
const extractionOf = (settings: readonly ToolSetting[]): GraphExtraction | undefined => {
  const tool = settings.find(({ name }) => name === knowledgeGraphSearch.name)
  if (tool === undefined || !tool.enabled || tool.tenantEnabled === false) return undefined
  const { data } = extractionSettings.safeParse(tool.settings)
  return (
    data && {
      provider: data.extraction_provider,
      model: data.extraction_model,
      minConfidence: data.min_confidence,
    }
  )
}

/** Long-term memory and knowledge graph for tools, as the memory service keeps them. */
export const createMemoryPort = (memory: RpcFunctions<typeof MemoryServiceService>) =>
  ({
    memory: ({ call, agent, settings }) =>
      agent && {
        search: (query) => memory.search(call, query),
        get: (query) => memory.getDocument(call, query),
        put: (document) => memory.putDocument(call, { ...document, extraction: extractionOf(settings) }),
      },
    knowledgeGraph: ({ call, agent }) =>
      agent && {
        search: (query) => memory.searchGraph(call, query),
        walk: (query) => memory.walkGraph(call, query),
      },
  }) satisfies PortMakers<CallScope>
