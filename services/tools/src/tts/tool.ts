import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { ttsVendors } from '@clawmesh/contracts'
import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'
import { writeFile } from '../workspace/index.ts'
import { longestText } from './types.ts'

const folder = 'generated'

export const tts = defineTool({
  name: 'tts',
  displayName: 'Text to speech',
  category: 'media',
  groups: ['goclaw'],
  needs: ['ttsProvider', 'workspace'],
  configHint: 'Config → TTS',
  description: 'Speak a text. The audio is saved as a file in the workspace and attached to your reply.',
  parameters: z.object({
    text: z
      .string()
      .trim()
      .min(1)
      .max(100_000)
      .describe(`What to say; at most some ${longestText} characters are spoken`),
    voice: z.string().min(1).max(200).optional().describe('Voice, as the provider calls it'),
    provider: z.enum(ttsVendors).optional().describe('Who is to speak; else the one that is set up'),
  }),
  run: async (args, { ttsProvider, workspace, signal }) => {
    const { audio, mimeType, extension, provider } = await ttsProvider.speak({ ...args, format: 'mp3' }, signal)
    const day = new Date().toISOString().slice(0, 10)
    const names = await writeFile(workspace, `${folder}/${day}/speech-${randomUUID().slice(0, 8)}${extension}`, audio)
    const path = names.join('/')
    return says(`MEDIA:${path}`, {
      metadata: { path, mimeType, provider, bytes: audio.length, deliver: [posix.join(workspace.path, path)] },
    })
  },
})
