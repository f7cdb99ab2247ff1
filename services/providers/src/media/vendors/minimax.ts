/** Images, videos and music of MiniMax. Source: MiniMax API reference, "Image", "Video" and "Music generation". */
import { cutOff, UpstreamFailure } from '../../chat/protocols/failure.ts'
import { listOf, objectOf, textOf, type Json } from '../../chat/protocols/json.ts'
import { openAiHeaders } from '../../chat/protocols/openai/request.ts'
import { endpoint, type Target } from '../../providers/connection.ts'
import type { Maker, VendorRequest } from '../types.ts'

const post = (target: Target, path: string, body: Json): VendorRequest => ({
  method: 'POST',
  url: endpoint(target.base, path),
  headers: openAiHeaders(target),
  body,
})

const get = (target: Target, path: string, query: Record<string, string>): VendorRequest => {
  const url = endpoint(target.base, path)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { method: 'GET', url, headers: openAiHeaders(target) }
}

/** Ids come as texts or as numbers. */
const idOf = (id: unknown): string => (typeof id === 'number' ? String(id) : textOf(id).slice(0, 200))

export const minimaxImage: Maker = async ({ target, ask, download }, { model, prompt, aspectRatio, params }) => {
  const answer = await ask(
    post(target, '/image_generation', {
      model,
      prompt,
      n: 1,
      response_format: 'url',
      ...(aspectRatio === '' ? {} : { aspect_ratio: aspectRatio }),
      ...params,
    }),
  )
  return download(textOf(listOf(objectOf(answer['data'])?.['image_urls'])[0]))
}

/** Lengths that its models have, seconds. */
const lengths = { short: 6, long: 10 }

/** Its videos are as wide as they are. */
export const minimaxVideo: Maker = async (client, { model, prompt, aspectRatio, durationS, params }) => {
  const { target, ask, poll, download } = client
  if (aspectRatio === '9:16') throw new UpstreamFailure('rejected', 'no videos in 9:16')
  const duration = durationS > lengths.short ? lengths.long : lengths.short
  const { task_id: id } = await ask(
    post(target, '/video_generation', { model, prompt, duration, resolution: '768P', ...params }),
  )
  if (idOf(id) === '') throw cutOff('a job without an id')
  const fileId = await poll(get(target, '/query/video_generation', { task_id: idOf(id) }), (job) => {
    const status = textOf(job['status'])
    if (status === 'Fail') throw new UpstreamFailure('failed', 'the job has failed')
    return status === 'Success' ? idOf(job['file_id']) : undefined
  })
  const { file } = await ask(get(target, '/files/retrieve', { file_id: fileId }))
  return download(textOf(objectOf(file)?.['download_url']))
}

/** How long the music is follows from its lyrics. */
export const minimaxMusic: Maker = async (
  { target, ask, download },
  { model, prompt, lyrics, isInstrumental, params },
) => {
  const words = isInstrumental
    ? { is_instrumental: true }
    : lyrics === ''
      ? { lyrics_optimizer: true }
      : { lyrics: lyrics.slice(0, 3_500) }
  const answer = await ask(
    post(target, '/music_generation', {
      model,
      prompt: prompt.slice(0, 2_000),
      ...words,
      output_format: 'url',
      audio_setting: { sample_rate: 44_100, bitrate: 256_000, format: 'mp3' },
      ...params,
    }),
  )
  return download(textOf(objectOf(answer['data'])?.['audio']))
}
