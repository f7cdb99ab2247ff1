/** The parts of a request, counted before any of them is looked at. */
import { z } from 'zod'

/** Resources and spans as they came, unread. */
export type Parts = readonly { resource: unknown; spans: readonly unknown[] }[]

/** An array whose elements are not looked at. */
const list = z.custom<unknown[]>(Array.isArray).default([])

const whole = z.object({ resourceSpans: list })
const ofResource = z.object({ resource: z.unknown().optional(), scopeSpans: list })
const ofScope = z.object({ scope: z.object({ name: z.string().optional() }).optional(), spans: list })

/** Undefined where there are more than `most` resources, scopes or spans. @throws ZodError for what is no request */
export const partsOf = (request: unknown, most: number): Parts | undefined => {
  const { resourceSpans } = whole.parse(request)
  if (resourceSpans.length > most) return undefined
  const resources = resourceSpans.map((each) => ofResource.parse(each))
  if (resources.reduce((sum, { scopeSpans }) => sum + scopeSpans.length, 0) > most) return undefined
  const parts = resources.map(({ resource, scopeSpans }) => ({
    resource,
    spans: scopeSpans.flatMap((each) => ofScope.parse(each).spans),
  }))
  return parts.reduce((sum, { spans }) => sum + spans.length, 0) > most ? undefined : parts
}
