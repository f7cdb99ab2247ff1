/** Tools that make images, videos and audio. */
import { present } from '@clawmesh/chassis'
import { z } from 'zod'
import { saveGenerated } from '../files/generated.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says, type ToolResult } from '../tool/tool.ts'
import type { Workspace } from '../workspace/index.ts'
import { providerPorts, type MadeMedia, type MakeRequest, type MediaMaker } from './types.ts'

const prompt = z.string().trim().min(1).max(20_000)
const filenameHint = z.string().max(200).optional().describe('What the file is to be called, in a word or two')

/** Where making takes minutes, all of a chain may. */
const timeoutsMs = { image: 480_000, audio: 600_000, video: 840_000 }

interface Making {
  maker: MediaMaker
  workspace: Workspace
  signal: AbortSignal
  kind: string
  hint: string | undefined
}

const saved = async (
  { bytes, mimeType, extension, provider, model }: MadeMedia,
  making: Making,
): Promise<ToolResult> => {
  const { path, deliver } = await saveGenerated(making.workspace, { ...making, extension }, bytes)
  return says(`MEDIA:${path}`, { metadata: { path, mimeType, provider, model, bytes: bytes.length, deliver } })
}

/** Makes something and saves it. */
const made = async (wanted: MakeRequest, making: Making): Promise<ToolResult> => {
  // What does not fit is better not made: it costs.
  await making.workspace.grow?.(1)
  return saved(await making.maker.make(wanted, making.signal), making)
}

export const createImage = defineTool({
  name: 'create_image',
  displayName: 'Create image',
  category: 'media',
  groups: ['goclaw'],
  needs: [providerPorts.create_image, 'workspace'],
  enabled: false,
  timeoutMs: timeoutsMs.image,
  description: 'Make an image of a description. It is saved in the workspace and attached to your reply.',
  parameters: z.object({
    prompt: prompt.describe('What the image shows, and in what style'),
    aspect_ratio: z.enum(['1:1', '3:4', '4:3', '9:16', '16:9']).default('1:1').describe('Width to height'),
    filename_hint: filenameHint,
  }),
  run: ({ prompt: text, aspect_ratio: aspectRatio, filename_hint: hint }, { imageGenProvider, workspace, signal }) =>
    made({ prompt: text, aspectRatio }, { maker: imageGenProvider, workspace, signal, kind: 'image', hint }),
})

export const createVideo = defineTool({
  name: 'create_video',
  displayName: 'Create video',
  category: 'media',
  groups: ['goclaw'],
  needs: [providerPorts.create_video, 'workspace'],
  enabled: false,
  timeoutMs: timeoutsMs.video,
  description:
    'Make a short video of a description, which takes some minutes. It is saved in the workspace and attached to your reply.',
  parameters: z.object({
    prompt: prompt.describe('What happens in the video, and how it is filmed'),
    duration: z.literal([4, 6, 8]).default(8).describe('Seconds'),
    aspect_ratio: z.enum(['16:9', '9:16']).default('16:9').describe('Width to height'),
    filename_hint: filenameHint,
  }),
  run: (args, { videoGenProvider, workspace, signal }) =>
    made(
      { prompt: args.prompt, durationS: args.duration, aspectRatio: args.aspect_ratio },
      { maker: videoGenProvider, workspace, signal, kind: 'video', hint: args.filename_hint },
    ),
})

export const createAudio = defineTool({
  name: 'create_audio',
  displayName: 'Create audio',
  category: 'media',
  groups: ['goclaw'],
  needs: [providerPorts.create_audio, 'workspace'],
  enabled: false,
  timeoutMs: timeoutsMs.audio,
  description:
    'Make music or a sound effect of a description. It is saved in the workspace and attached to your reply. ' +
    'To have a text spoken use tts.',
  parameters: z.object({
    prompt: prompt.describe('How the music or the sound is'),
    type: z.enum(['music', 'sound_effect']).default('music'),
    duration: z
      .number()
      .min(0.5)
      .max(300)
      .optional()
      .describe('Seconds, of a sound effect; music is as long as its lyrics'),
    lyrics: z.string().max(10_000).optional().describe('What is sung'),
    instrumental: z.boolean().default(false).describe('Nobody sings'),
    provider: z.string().min(1).max(100).optional().describe('Who alone is to make it'),
    filename_hint: filenameHint,
  }),
  run: (args, { audioGenProvider, workspace, signal }) => {
    const { prompt: text, type, duration: durationS, lyrics, instrumental: isInstrumental, provider } = args
    const isSoundEffect = type === 'sound_effect'
    return made(
      { prompt: text, isInstrumental, isSoundEffect, ...present({ durationS, lyrics, provider }) },
      {
        ...{ maker: audioGenProvider, workspace, signal },
        kind: isSoundEffect ? 'sound' : 'music',
        hint: args.filename_hint,
      },
    )
  },
})
