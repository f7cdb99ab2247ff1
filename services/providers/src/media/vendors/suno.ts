/** Music of Suno. Source: sunoapi.org, "Generate Music" and "Get Music Generation Details". */
import { cutOff, failureOfStatus, UpstreamFailure } from '../../chat/protocols/failure.ts'
import { listOf, objectOf, textOf, type Json } from '../../chat/protocols/json.ts'
import { openAiHeaders } from '../../chat/protocols/openai/request.ts'
import { endpoint } from '../../providers/connection.ts'
import type { Maker } from '../types.ts'

/** It insists on telling somebody; we ask by ourselves, and nobody can be at such an address (RFC 2606). */
const nobody = 'https://clawmesh.invalid/'

/** `v4.5` is `V4_5` on the wire. */
const wireModel = (model: string): string => model.toUpperCase().replaceAll('.', '_')

/** The data of an answer, which says in its body how it went. */
const dataOf = ({ code, msg, data }: Json): Json => {
  if (typeof code === 'number' && code !== 200) throw failureOfStatus(code, textOf(msg))
  return objectOf(data) ?? {}
}

/** What a job is while it is not done. */
const underWay: ReadonlySet<string> = new Set(['PENDING', 'TEXT_SUCCESS', 'FIRST_SUCCESS'])

export const sunoMusic: Maker = async ({ target, ask, poll, download }, request) => {
  const { model, prompt, lyrics, isInstrumental, params } = request
  const headers = openAiHeaders(target)
  const isCustom = lyrics !== ''
  const { taskId } = dataOf(
    await ask({
      method: 'POST',
      url: endpoint(target.base, '/api/v1/generate'),
      headers,
      body: {
        model: wireModel(model),
        customMode: isCustom,
        instrumental: isInstrumental,
        callBackUrl: nobody,
        ...(isCustom
          ? { prompt: lyrics.slice(0, 3_000), style: prompt.slice(0, 200), title: prompt.slice(0, 80) }
          : { prompt: prompt.slice(0, 400) }),
        ...params,
      },
    }),
  )
  if (textOf(taskId) === '') throw cutOff('a job without an id')
  const url = endpoint(target.base, '/api/v1/generate/record-info')
  url.searchParams.set('taskId', textOf(taskId))
  const made = await poll({ method: 'GET', url, headers }, (answer) => {
    const { status, response } = dataOf(answer)
    if (underWay.has(textOf(status))) return undefined
    const audio = textOf(objectOf(listOf(objectOf(response)?.['sunoData'])[0])?.['audioUrl'])
    // That nobody could be told matters to nobody.
    if (audio !== '') return audio
    const kind = status === 'SENSITIVE_WORD_ERROR' ? 'rejected' : 'failed'
    throw new UpstreamFailure(kind, `the job ended as ${textOf(status).slice(0, 100)}`)
  })
  return download(made)
}
