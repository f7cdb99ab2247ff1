/** Tools that answer questions about images, documents, audio and videos. */
import { cutText } from '@clawmesh/chassis'
import { shownImageTypes, type ReadingTool } from '@clawmesh/contracts'
import { z } from 'zod'
import { targetOf } from '../files/target.ts'
import { heldTypeOf } from '../storage/content-type.ts'
import { defineTool, type ToolName } from '../tool/define-tool.ts'
import { toolError } from '../tool/tool-error.ts'
import { says, type ToolContext } from '../tool/tool.ts'
import { wrapUntrusted } from '../web/untrusted.ts'
import { withFile } from '../workspace/index.ts'
import { readBounded } from './file-bytes.ts'
import { providerPorts, type MediaSource } from './types.ts'

/** Longer than a chain of one provider takes, tries and all. */
const timeoutMs = 480_000
const mostAnswerChars = 50_000
const bytesPerMib = 1_048_576

interface Kind {
  name: ReadingTool & ToolName
  displayName: string
  /** As a model is told of it. */
  thing: string
  isWanted: (mimeType: string) => boolean
  mostBytes: number
}

const documentTypes =
  /^(?:application\/(?:pdf|json|xml|rtf|vnd\.openxmlformats-officedocument\..{1,80}|vnd\.oasis\.opendocument\..{1,40})|text\/.{1,80})$/

/** Names that detectors have for what models know by another. */
const usualTypes: Readonly<Record<string, string>> = {
  'audio/vnd.wave': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/x-m4a': 'audio/mp4',
  'audio/x-flac': 'audio/flac',
}

/** A file of the workspace. @throws TOOL_ERROR; system errors */
const sourceAt = async (path: string, context: ToolContext, mostBytes: number): Promise<MediaSource> => {
  const target = targetOf(context, path, 'read')
  if (target.kind === 'document') throw toolError(`${path} is a text: read it with read_file`)
  return withFile(target.workspace, path, async (file) => ({
    name: path.split('/').at(-1)!,
    mimeType: await heldTypeOf(path, file),
    bytes: await readBounded(file, mostBytes),
  }))
}

const reads = ({ name, displayName, thing, isWanted, mostBytes }: Kind) =>
  defineTool({
    name,
    displayName,
    category: 'media',
    groups: ['goclaw'],
    needs: [providerPorts[name], 'attachments'],
    enabled: false,
    timeoutMs,
    description:
      `Ask a question about ${thing}, and get an answer in words. Without path and media_id it is about the newest one ` +
      'that was attached to this conversation.',
    parameters: z.object({
      prompt: z.string().trim().min(1).max(20_000).describe('What you want to know'),
      path: z.string().min(1).max(4_096).optional().describe('A file in the workspace'),
      media_id: z.string().min(1).max(1_000).optional().describe('Id of an attachment of this conversation'),
    }),
    run: async ({ prompt, path, media_id: id }, context) => {
      const { attachments } = context
      const find = async (): Promise<MediaSource> => {
        if (path !== undefined) return sourceAt(path, context, mostBytes)
        if (id !== undefined) return attachments.byId(id, mostBytes)
        const newest = await attachments.newest(isWanted, mostBytes)
        if (newest === undefined) throw toolError(`no ${thing} is attached to this conversation: name one by its path`)
        return newest
      }
      const source = await find()
      if (!isWanted(source.mimeType)) throw toolError(`${source.name} is not ${thing}: it holds ${source.mimeType}`)
      const mimeType = usualTypes[source.mimeType] ?? source.mimeType
      const { text, ...answered } = await context[providerPorts[name]].read(
        prompt,
        { ...source, mimeType },
        context.signal,
      )
      return says(wrapUntrusted(cutText(text, mostAnswerChars), { Source: source.name }), {
        metadata: { file: source.name, mimeType, bytes: source.bytes.length, ...answered },
      })
    },
  })

const startsWith =
  (head: string) =>
  (mimeType: string): boolean =>
    mimeType.startsWith(head)

export const readImage = reads({
  name: 'read_image',
  displayName: 'Read image',
  thing: 'a PNG, JPEG, GIF or WebP image',
  isWanted: (mimeType) => shownImageTypes.has(mimeType),
  mostBytes: 10 * bytesPerMib,
})

export const readDocument = reads({
  name: 'read_document',
  displayName: 'Read document',
  thing: 'a PDF, an office document or a text',
  isWanted: (mimeType) => documentTypes.test(mimeType),
  mostBytes: 20 * bytesPerMib,
})

export const readAudio = reads({
  name: 'read_audio',
  displayName: 'Read audio',
  thing: 'an audio recording',
  isWanted: startsWith('audio/'),
  mostBytes: 15 * bytesPerMib,
})

export const readVideo = reads({
  name: 'read_video',
  displayName: 'Read video',
  thing: 'a video',
  isWanted: startsWith('video/'),
  mostBytes: 15 * bytesPerMib,
})
