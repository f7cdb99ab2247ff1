/** Media for tools: what is attached to a session, and who of the tenant's providers reads and makes them. */
import type { MakingTool, ReadingTool } from '@clawmesh/contracts'
import type { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Mesh, RpcFunctions } from '@clawmesh/chassis'
import { createDocumentThreads } from '../documents/document-threads.ts'
import type { CallScope } from '../invoke/types.ts'
import type { SessionMedia } from '../storage/session-media.ts'
import type { PortMakers } from '../tool/ports.ts'
import { createAttachments } from './attachments.ts'
import { createProviderChains } from './provider-chains.ts'
import { createMaker } from './make.ts'
import { createReader } from './read.ts'
import { createSoundEffects, type SoundEffectsConfig } from './sound-effects.ts'
import { providerPorts } from './types.ts'

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
  const chains = createProviderChains({
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
      [providerPorts.read_image]: readerOf('read_image'),
      [providerPorts.read_document]: readerOf('read_document'),
      [providerPorts.read_audio]: readerOf('read_audio'),
      [providerPorts.read_video]: readerOf('read_video'),
      [providerPorts.create_image]: makerOf('create_image'),
      [providerPorts.create_video]: makerOf('create_video'),
      [providerPorts.create_audio]: makerOf('create_audio'),
    } satisfies PortMakers<CallScope>,
    close: documents.close,
  }
}
