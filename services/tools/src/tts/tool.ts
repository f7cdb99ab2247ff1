import { ttsVendors } from '@clawmesh/contracts'
import { z } from 'zod'
import { saveGenerated } from '../files/generated.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'
import { longestText } from './types.ts'

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
    const { path, deliver } = await saveGenerated(workspace, { kind: 'speech', extension }, audio)
    return says(`MEDIA:${path}`, { metadata: { path, mimeType, provider, bytes: audio.length, deliver } })
  },
})
