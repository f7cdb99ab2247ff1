/** Files that go with an answer: those that tools have made for it, and those that the model names in it. */
import { extname, posix } from 'node:path'
import { newId } from '@clawmesh/chassis'
import type { MessageExtra } from '../sessions/types.ts'
import { mediaLine } from './finish-blocks.ts'

export interface Media {
  /** Absolute, or below `/v1/media/`. */
  path: string
  contentType: string
}

export type MediaRef = NonNullable<MessageExtra['mediaRefs']>[number]

const mostMedia = 50
const longestPath = 2_000

const contentTypes: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.ogg': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.mp3': 'audio/mpeg',
  '.wav': 'audio/wav',
  '.txt': 'text/plain',
  '.md': 'text/markdown',
  '.csv': 'text/csv',
  '.json': 'application/json',
  '.pdf': 'application/pdf',
  '.docx': 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  '.xlsx': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}
const contentTypeOf = (path: string): string => contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream'

const mediaOf = (path: string): Media => ({ path, contentType: contentTypeOf(path) })

/** The path of a file without what its link begins with and without a signature. */
const barePath = (named: string): string =>
  named
    .trim()
    .replace(/^[`"'<]{1,3}|[`"'>]{1,3}$/g, '')
    .split(/[?#]/, 1)[0]!
    .replace(/^(?:\/v1\/files(?=\/))+/, '')

/** Whether a path names a file of ours: no URL of elsewhere, and none that climbs. */
const isOurs = (path: string): boolean =>
  path !== '' &&
  path.length <= longestPath &&
  !path.includes('\0') &&
  !/^[a-z][a-z\d+.-]{0,20}:/i.test(path) &&
  !path.startsWith('//') &&
  !path.split(/[/\\]/).includes('..')

export interface MediaList {
  /** Takes note of files that a tool has made. What names none of ours is left out, and what was noted already. */
  made: (named: readonly string[]) => void
  /** The same of files that a model names: none outside the agent's folder that no tool has made. */
  named: (named: readonly string[]) => void
  all: () => readonly Media[]
  /** Those since it was last asked, for the message that they go with. */
  take: () => readonly Media[]
}

/** @param workspace the agent's folder, in which paths are meant that begin nowhere */
export const createMediaList = (workspace: string): MediaList => {
  const paths: string[] = []
  let taken = 0
  const folder = workspace === '' ? '/' : workspace
  const place = (path: string): string => {
    const plain = posix.normalize(path)
    if (plain.startsWith('/')) return plain
    // A model names a file as it named it to the tool, which has told where that is.
    return paths.find((known) => known.endsWith(`/${plain}`)) ?? posix.join(folder, plain)
  }
  const isInside = (path: string) => path.startsWith(posix.join(folder, '/')) || path.startsWith('/v1/media/')
  const add = (path: string) => {
    if (!paths.includes(path) && paths.length < mostMedia) paths.push(path)
  }
  const placesOf = (named: readonly string[]) => named.map(barePath).filter(isOurs).map(place)
  return {
    made: (named) => placesOf(named).forEach(add),
    named: (named) => placesOf(named).filter(isInside).forEach(add),
    all: () => paths.map(mediaOf),
    take: () => {
      const fresh = paths.slice(taken)
      taken = paths.length
      return fresh.map(mediaOf)
    },
  }
}

/** Tools whose result is the file that they have made; what others show may be the words of strangers. */
const makers = /^(?:create_\w{1,60}|tts)$/

/** The files that the result of a tool gives to the answer. */
export const mediaOfResult = (tool: string, output: string, metadataJson: string): string[] => {
  const lines = makers.test(tool) ? output.split('\n').filter((line) => line.startsWith(mediaLine)) : []
  const named = lines.map((line) => line.slice(mediaLine.length))
  if (!metadataJson.includes('"deliver"')) return named
  const { deliver } = JSON.parse(metadataJson) as { deliver?: unknown }
  return Array.isArray(deliver) ? [...deliver.filter((path) => typeof path === 'string'), ...named] : named
}

export const kindOfMedia = (contentType: string): MediaRef['kind'] => {
  const [kind] = contentType.split('/', 1)
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'document'
}

export const mediaRefs = (media: readonly Media[]): MediaRef[] =>
  media.map(({ path, contentType }) => ({ id: newId(), mimeType: contentType, kind: kindOfMedia(contentType), path }))
