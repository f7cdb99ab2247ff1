/** Media for tools: what is attached to a session, and who of the tenant's providers reads and makes them. */
import type { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Mesh, RpcFunctions } from '@clawmesh/chassis'
import { createDocumentThreads } from '../documents/document-threads.ts'
import type { CallScope } from '../invoke/types.ts'
import type { SessionMedia } from '../storage/session-media.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createAttachments } from './attachments.ts'
import { createChains } from './links.ts'
import { createMaker } from './make.ts'
import { createReader } from './read.ts'
import { createSoundEffects, type SoundEffectsConfig } from './sound-effects.ts'
import type { MakingTool, ReadingTool } from './types.ts'

interface Parts {
  mesh: Mesh
  config: SoundEffectsConfig
  /** Private hosts and ranges that the operator opens. */
  allow: readonly string[]
  sessions: RpcFunctions<typeof SessionsServiceService>
  media: Pick<SessionMedia, 'list'>
}

export const createMediaPorts = ({ mesh, config, allow, sessions, media }: Parts) => {
  const log = mesh.log.child({ service: 'tools', part: 'media' })
  const documents = createDocumentThreads()
  const providers = mesh.client(ProvidersServiceService)
  const chains = createChains({
    providers,
    onFailure: (tool, provider, err) => log.warn({ err, tool, provider }, 'media: a provider did not answer'),
  })
  const { chat, makeMedia } = providers
  const soundEffects = createSoundEffects(config, allow)
  const readerOf = (tool: ReadingTool) => (scope: CallScope) => createReader({ chat, chains, documents }, tool, scope)
  const makerOf = (tool: MakingTool) => (scope: CallScope) =>
    createMaker({ makeMedia, chains, soundEffects }, tool, scope)
  return {
    ports: {
      attachments: (scope) => createAttachments({ media, sessions }, scope),
      visionProvider: readerOf('read_image'),
      documentProvider: readerOf('read_document'),
      audioProvider: readerOf('read_audio'),
      videoProvider: readerOf('read_video'),
      imageGenProvider: makerOf('create_image'),
      videoGenProvider: makerOf('create_video'),
      audioGenProvider: makerOf('create_audio'),
    } satisfies PortMakers<CallScope>,
    close: documents.close,
  }
}
