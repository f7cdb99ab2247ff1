import { extname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { z } from 'zod'
import { cutLines, type CutText, type LineSpan } from './lines.ts'
import { targetOf } from './target.ts'
import { toolError } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'
import { withFile } from '../workspace/index.ts'
import type { StoredFile } from '../workspace/types.ts'

const maxChars = 50_000

/** Extensions of what is no text, and the tool that reads it. */
const readers: readonly [tool: string | undefined, extensions: string][] = [
  ['read_image', 'png jpg jpeg gif webp bmp tif tiff ico heic heif avif'],
  ['read_audio', 'mp3 wav ogg oga opus flac m4a aac wma aiff'],
  ['read_video', 'mp4 mov avi mkv webm m4v mpg mpeg wmv flv'],
  ['read_document', 'pdf doc docx xls xlsx ppt pptx odt ods odp'],
  [undefined, 'zip gz tgz tar bz2 xz 7z rar zst jar exe dll so dylib bin o a class pyc wasm'],
]

const refuseBinaryName = (path: string): void => {
  const extension = extname(path).slice(1).toLowerCase()
  const reader = readers.find(([, extensions]) => extensions.split(' ').includes(extension))
  if (!reader) return
  const [tool] = reader
  throw toolError(`${path} is not a text file${tool ? `; use ${tool} for it` : ' and cannot be read'}`)
}

/** The text as it comes; a NUL in it means that it is none. */
async function* textOf({ size, read }: StoredFile, path: string): AsyncGenerator<string> {
  if (size === 0) return
  const decoder = new StringDecoder('utf8')
  for await (const piece of read(0, size - 1)) {
    const chunk = decoder.write(piece)
    if (chunk.includes('\0')) throw toolError(`${path} is a binary file and cannot be read`)
    yield chunk
  }
  yield decoder.end()
}

const notes = ({ lines, nextOffset, lineCut }: CutText, offset: number): string[] => [
  ...(lineCut ? [`[line ${offset} is longer than ${maxChars} characters; its end is left out]`] : []),
  ...(nextOffset === undefined
    ? []
    : [`[lines ${offset} to ${offset + lines - 1} shown, there is more: go on with offset=${nextOffset}]`]),
]

export const readFile = defineTool({
  name: 'read_file',
  displayName: 'Read file',
  category: 'filesystem',
  groups: ['fs'],
  needs: ['workspace'],
  description:
    'Read a text file from the workspace. Long files are cut; the note at the end names the offset to go on from.',
  parameters: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace'),
    offset: z.int().min(0).default(0).describe('First line to read, counted from 0'),
    limit: z.int().min(1).optional().describe('How many lines to read'),
  }),
  run: async ({ path, offset, limit }, context) => {
    const span: LineSpan = { offset, limit, maxChars }
    const target = targetOf(context, path, 'read')
    const cut = await (async () => {
      if (target.kind === 'file') {
        refuseBinaryName(path)
        return withFile(target.workspace, path, (file) => cutLines(textOf(file, path), span))
      }
      const content = await target.document.read()
      if (content === undefined) throw toolError(`there is no ${path} yet`)
      return cutLines([content], span)
    })()
    if (cut.lines === 0 && offset > 0)
      throw toolError(`offset ${offset} is past the end: ${path} has ${cut.seen} lines`)
    const body = cut.lines === 0 ? '(empty file)' : cut.text
    return says([body, ...notes(cut, offset)].join('\n\n'), {
      metadata: { path, lines: cut.lines, ...(cut.nextOffset === undefined ? {} : { next_offset: cut.nextOffset }) },
    })
  },
})
