/** What costs are attributed to: a team, a customer, a project. Keys, agents, requests, traces and reports speak of this. */
import { z } from 'zod'
import { smallRecord } from './small-record.ts'

export const mostCostTags = 16

const nameForm = /^[A-Za-z0-9_.-]{1,64}$/
const longestValue = 128

const name = z.string().regex(nameForm)
const value = z.string().min(1).max(longestValue)

export const costTags = smallRecord(
  mostCostTags,
  'tags',
  z
    .record(name, value)
    .meta({ description: 'What its costs are attributed to; at most 16 tags', examples: [{ team: 'blue' }] }),
)

/** A tag as traces carry it and filters name it. */
export const costTag = z.string().max(193).describe('A cost tag, written `name:value`')

type Sources = readonly (Readonly<Record<string, unknown>> | undefined)[]

/**
 * The tags of a run, written `name:value`, at most 16. Of sources that give the same name the first counts; what can be no
 * tag is none.
 */
export const costTagTexts = (...sources: Sources): string[] => {
  const tags = new Map<string, string>()
  for (const source of sources)
    // By hand: the metadata of a request may have thousands of names that are none.
    for (const [key, said] of Object.entries(source ?? {})) {
      if (tags.size === mostCostTags) break
      const isTag = nameForm.test(key) && typeof said === 'string' && said !== '' && said.length <= longestValue
      if (isTag && !tags.has(key)) tags.set(key, said)
    }
  return [...tags].map(([key, said]) => `${key}:${said}`)
}
