/** Has one of the tenant's providers make an image, a video or audio. */
import type { RpcFunctions } from '@clawmesh/chassis'
import type { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { largestFileBytes, type MakingTool } from '@clawmesh/contracts'
import { fileTypeFromBuffer } from 'file-type'
import type { CallScope } from '../invoke/types.ts'
import { toolError } from '../tool/tool-error.ts'
import type { ProviderChains } from './provider-chains.ts'
import type { SoundEffects } from './sound-effects.ts'
import { UnsuitableError } from './try-links.ts'
import type { MadeMedia, MediaMaker, MakeRequest } from './types.ts'

export interface MakeParts {
  makeMedia: RpcFunctions<typeof ProvidersServiceService>['makeMedia']
  chains: ProviderChains
  /** Undefined where nobody makes any. */
  soundEffects: SoundEffects | undefined
}

/** What the type of an answer begins with. */
const types: Record<MakingTool, string> = { create_image: 'image/', create_video: 'video/', create_audio: 'audio/' }

const headBytes = 4_100

/** What somebody says to be what was wished. @throws UnsuitableError for what holds something else */
const judged = async (tool: MakingTool, bytes: Buffer): Promise<Pick<MadeMedia, 'mimeType' | 'extension'>> => {
  const found = await fileTypeFromBuffer(bytes.subarray(0, headBytes))
  if (!found?.mime.startsWith(types[tool]))
    throw new UnsuitableError(`its answer holds ${found?.mime ?? 'something unknown'}`)
  return { mimeType: found.mime, extension: `.${found.ext}` }
}

export const createMaker = (parts: MakeParts, tool: MakingTool, scope: CallScope): MediaMaker => {
  const { call, agent, userId } = scope

  const soundEffect = async (wanted: MakeRequest, signal: AbortSignal): Promise<MadeMedia> => {
    const { soundEffects } = parts
    const { provider } = wanted
    if (soundEffects === undefined || (provider !== undefined && provider !== soundEffects.provider))
      throw toolError('sound effects need a key of ElevenLabs, which is not set up')
    const bytes = await soundEffects.make(wanted, signal)
    return { bytes, ...(await judged(tool, bytes)), provider: soundEffects.provider, model: '' }
  }

  return {
    make: async (wanted, signal) => {
      if (wanted.isSoundEffect) return soundEffect(wanted, signal)
      const { prompt, aspectRatio = '', durationS = 0, lyrics = '', isInstrumental = false, provider: only } = wanted
      return parts.chains.try(
        tool,
        scope,
        signal,
        async ({ provider, model, attempts, params }, linkSignal) => {
          const request = {
            ...{ provider: provider.name, model, tool, prompt, aspectRatio, durationS, lyrics },
            ...{ instrumental: isInstrumental, attempts, paramsJson: JSON.stringify(params) },
            spender: { agentId: agent?.id ?? '', userId, beginsRun: false },
          }
          const pieces: Uint8Array[] = []
          let size = 0
          for await (const { part } of parts.makeMedia({ ...call, signal: linkSignal }, request)) {
            if (part?.$case !== 'data') continue
            size += part.value.length
            if (size > largestFileBytes)
              throw new UnsuitableError(`its answer is larger than ${largestFileBytes} bytes`)
            pieces.push(part.value)
          }
          const bytes = Buffer.concat(pieces)
          return { bytes, ...(await judged(tool, bytes)), provider: provider.name, model }
        },
        only,
      )
    },
  }
}
