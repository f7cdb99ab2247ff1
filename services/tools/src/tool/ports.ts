/** The ports of a call: each is made when a tool first asks for it. */
import { snakeCase } from '@clawmesh/chassis'
import { toolError } from './tool-error.ts'
import type { Ports, ToolContext } from './tool.ts'

export type PortName = keyof Ports

/** Makes ports for a call; undefined where the call has no such thing. */
export type PortMakers<Scope> = { readonly [P in PortName]?: (scope: Scope) => Ports[P] | undefined }

const missing: Record<PortName, string> = {
  agent: 'needs an agent, and the call names none',
  workspace: 'needs an agent with a workspace, and the call has none',
  memory: 'needs memory, which is not available',
  knowledgeGraph: 'needs a knowledge graph, which is not available',
  contextFiles: 'needs context files, which are not available',
  web: 'needs the web, which is not available',
  schedules: 'needs an agent, and the call names none',
  sessions: 'needs an agent, and the call names none',
  shell: 'needs an agent with a workspace, and the call has none',
  ttsProvider: 'needs a provider of speech, and none is set up',
  attachments: 'needs a session, and the call has none',
  visionProvider: 'needs a provider that sees images, which is not available',
  documentProvider: 'needs a provider that reads documents, which is not available',
  audioProvider: 'needs a provider that hears audio, which is not available',
  videoProvider: 'needs a provider that sees videos, which is not available',
  imageGenProvider: 'needs a provider that makes images, which is not available',
  videoGenProvider: 'needs a provider that makes videos, which is not available',
  audioGenProvider: 'needs a provider that makes audio, which is not available',
  browser: 'needs a browser, and there is none',
}

/** What every call with an agent has, so that listing it would tell nobody anything. */
const ofEveryCall: ReadonlySet<string> = new Set<PortName>([
  'agent',
  'workspace',
  'contextFiles',
  'web',
  'schedules',
  'sessions',
  'shell',
  'attachments',
])

/** What of a tool's needs an installation must have set up, as the contract's `requires` shows it. */
export const requirementsOf = ({ needs }: { needs: readonly string[] }): string[] =>
  needs.filter((need) => !ofEveryCall.has(need)).map(snakeCase)

/** The context with some of its ports there for certain. @throws TOOL_ERROR naming the first that is missing */
export const requirePorts = <P extends PortName>(
  tool: string,
  context: ToolContext,
  needs: readonly P[],
): ToolContext & Pick<Ports, P> => {
  const absent = needs.find((need) => context[need] === undefined)
  if (absent !== undefined) throw toolError(`${tool} ${missing[absent]}`)
  return context as ToolContext & Pick<Ports, P>
}

/** A context whose ports are made, once, when they are first read; one that cannot be made is missing from then on. */
export const withPorts = <Facts extends object, Scope>(
  facts: Facts,
  scope: Scope,
  makers: PortMakers<Scope>,
): Facts & Partial<Ports> => {
  const context: Facts & Partial<Ports> = { ...facts }
  const define = (name: string, property: PropertyDescriptor) =>
    Object.defineProperty(context, name, { configurable: true, enumerable: true, ...property })
  for (const [name, make] of Object.entries(makers))
    define(name, {
      get: () => {
        define(name, { value: undefined })
        const value = make(scope)
        define(name, { value })
        return value
      },
    })
  return context
}
