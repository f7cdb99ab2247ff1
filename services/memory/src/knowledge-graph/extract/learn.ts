/** What an agent writes to memory becomes part of the graph. */
import { cutText, cutTextStart, type Call } from '@clawmesh/chassis'
import type { FindAgent } from '../../agents/types.ts'
import type { MemoryDocument } from '../../documents/types.ts'
import type { Extract, ExtractRequest } from './use-cases.ts'

interface Parts {
  /** A document of the tenant by its id; undefined once it is gone. */
  findDocument: (tenantId: string, id: string) => Promise<MemoryDocument | undefined>
  findAgent: FindAgent
  extract: Extract
}

/** A long document is read from its end, where what is new was appended: three calls of a model. */
const longestText = 36_000

export const createLearnFromDocument =
  ({ findDocument, findAgent, extract }: Parts) =>
  /** Extracts a document into the graph of a user. Again is fine; one that is gone or empty has nothing to say. */
  async (call: Call, documentId: string, request: Omit<ExtractRequest, 'text' | 'sourceId'>): Promise<void> => {
    const document = await findDocument(call.caller.tenantId, documentId)
    const text = cutTextStart(document?.content ?? '', longestText)
    if (document === undefined || text.trim() === '') return
    const agent = await findAgent(call, document.agentId)
    await extract(call, agent, { ...request, text, sourceId: cutText(document.path, 255) })
  }

export type LearnFromDocument = ReturnType<typeof createLearnFromDocument>
