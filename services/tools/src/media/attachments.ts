/** What was attached to the session of a call. */
import type { SessionsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/sessions.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import { heldTypeOf } from '../storage/content-type.ts'
import type { Attachment, SessionMedia } from '../storage/session-media.ts'
import { toldToModel, toolError } from '../tool/tool-error.ts'
import { readBounded } from './file-bytes.ts'
import type { Attachments, MediaSource } from './types.ts'

/** Ids that a model is told when it names none of them. */
const mostTold = 10

interface Parts {
  media: Pick<SessionMedia, 'list'>
  sessions: Pick<RpcFunctions<typeof SessionsServiceService>, 'readAgentSession'>
}

export const createAttachments = (
  { media, sessions }: Parts,
  { call, agent, userId, sessionKey }: CallScope,
): Attachments => {
  /** Of a session that is not the user's with the agent nobody is told anything. */
  const list = async (): Promise<Attachment[]> => {
    if (agent === undefined || sessionKey === '') return []
    const asked = { agentId: agent.id, userId, sessionKey, limit: 0, includeTools: false }
    const { session } = await toldToModel(() => sessions.readAgentSession(call, asked))
    return session === undefined ? [] : media.list(call.caller, { agentId: agent.id, sessionKey })
  }

  const typeOf = ({ name, open }: Attachment) => open((file) => heldTypeOf(name, file))

  const load = async ({ name, open }: Attachment, mimeType: string, mostBytes: number): Promise<MediaSource> => {
    const bytes = await open((file) => readBounded(file, mostBytes))
    if (bytes === undefined) throw toolError('the attachment is gone')
    return { name, mimeType, bytes }
  }

  return {
    newest: async (isWanted, mostBytes) => {
      for (const attachment of await list()) {
        const mimeType = await typeOf(attachment)
        if (mimeType !== undefined && isWanted(mimeType)) return load(attachment, mimeType, mostBytes)
      }
      return undefined
    },
    byId: async (named, mostBytes) => {
      const all = await list()
      // A link to it will do.
      const id = named.split(/[?#]/, 1)[0]!.split('/').at(-1)!
      const found = all.find((one) => one.id === id || one.name === id)
      if (found === undefined) {
        const known = all.slice(0, mostTold).map(({ name, size }) => `${name} (${size} bytes)`)
        throw toolError(
          known.length === 0
            ? 'nothing is attached to this session'
            : `no attachment ${id.slice(0, 100)}; newest first there are ${known.join(', ')}`,
        )
      }
      return load(found, (await typeOf(found)) ?? '', mostBytes)
    },
  }
}
