/** Has a model of the tenant's providers look at a file. */
import type { Call, RpcFunctions } from '@clawmesh/chassis'
import { fileKindOf, type ReadingTool } from '@clawmesh/contracts'
import {
  ChatMessage,
  ChatRequest,
  type ContentPart,
  type ProvidersServiceService,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { DocumentThreads } from '../documents/document-threads.ts'
import type { CallScope } from '../invoke/types.ts'
import type { Link } from './chain.ts'
import type { ProviderChains } from './provider-chains.ts'
import { UnsuitableError } from './try-links.ts'
import type { MediaReader, MediaReading, MediaSource } from './types.ts'

export interface ReadParts {
  chat: RpcFunctions<typeof ProvidersServiceService>['chat']
  chains: ProviderChains
  documents: Pick<DocumentThreads, 'run'>
}

/** Characters of a document that a model is shown. */
const mostShownChars = 400_000

const textPart = (value: string): ContentPart => ({ part: { $case: 'text', value } })

const filePart = ({ mimeType, bytes, name }: MediaSource): ContentPart =>
  mimeType.startsWith('image/')
    ? { part: { $case: 'image', value: { mimeType, data: bytes } } }
    : { part: { $case: 'file', value: { mimeType, data: bytes, name } } }

/** What is in a document, found out once, and only for who cannot be shown the document itself. */
const createTextOf = ({ documents }: ReadParts, tenantId: string, source: MediaSource, signal: AbortSignal) => {
  let text: Promise<string> | undefined
  const find = async (): Promise<string> => {
    const found = await documents.run(tenantId, { bytes: source.bytes }, signal)
    if (found.text === undefined || found.text.trim() === '')
      throw new UnsuitableError('the document has no text that can be taken out')
    const isCut = found.isCut || found.text.length > mostShownChars
    return `${found.text.slice(0, mostShownChars).toWellFormed()}${isCut ? '\n\n[The document goes on.]' : ''}`
  }
  return (): Promise<string> => (text ??= find())
}

/** @param tool whose chain is asked */
export const createReader = (parts: ReadParts, tool: ReadingTool, scope: CallScope): MediaReader => {
  const { call, agent, userId } = scope

  const ask = async (
    asking: Call,
    { provider, model, attempts }: Link,
    shown: ContentPart[],
  ): Promise<MediaReading> => {
    const request = ChatRequest.fromPartial({
      provider: provider.name,
      model,
      messages: [ChatMessage.fromPartial({ role: 'user', parts: shown })],
      routing: { fallbacks: [], forbidsFallbacks: true, continuesAnswers: false, affinity: '', attempts },
      spender: { agentId: agent?.id ?? '', userId, beginsRun: false },
    })
    let reading: MediaReading | undefined
    for await (const { event } of parts.chat(asking, request))
      if (event?.$case === 'done') {
        const { content: text, provider: answered, model: answeredWith, usage } = event.value
        reading = { text, provider: answered, model: answeredWith, usage }
      }
    if (reading === undefined || reading.text.trim() === '') throw new UnsuitableError('it said nothing')
    return reading
  }

  return {
    read: async (prompt, source, signal) => {
      const textOf = createTextOf(parts, call.caller.tenantId, source, signal)
      /** The file as a provider takes it: as it is, or what a document says. @throws UnsuitableError */
      const partFor = async ({ provider: { files } }: Link): Promise<ContentPart> => {
        if (source.mimeType.startsWith('image/')) return filePart(source)
        const kind = fileKindOf(source.mimeType)
        if (kind !== 'text' && files.includes(kind)) return filePart(source)
        if (tool !== 'read_document') throw new UnsuitableError(`it is not shown ${source.mimeType}`)
        const name = source.name.replace(/[<>"&\p{Cc}]/gu, '_')
        return textPart(`<document name="${name}">\n${await textOf()}\n</document>`)
      }
      return parts.chains.try(tool, scope, signal, async (link, linkSignal) =>
        ask({ ...call, signal: linkSignal }, link, [await partFor(link), textPart(prompt)]),
      )
    },
  }
}
