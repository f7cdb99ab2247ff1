/** Which tools an agent may use: lists, profiles and groups narrowed down to names. Pure. */
import { toolGroups } from './groups.ts'
import type { ToolRules } from './rules.ts'

export interface PolicyInput {
  global?: ToolRules | undefined
  agent?: ToolRules | undefined
  /** Name of the agent's provider, for `byProvider`. */
  provider?: string | undefined
  /** Narrows further for a group chat or a single request. */
  request?: readonly string[] | undefined
  /** Set for a subagent; the deepest may not spawn further ones. */
  subagent?: 'child' | 'deepest' | undefined
  /** Groups known only at run time: mcp, mcp:<server>. */
  groups?: Readonly<Record<string, readonly string[]>> | undefined
}

const aliases: Readonly<Record<string, string>> = {
  bash: 'exec',
  edit_file: 'edit',
  sessions_spawn: 'spawn',
  'apply-patch': 'apply_patch',
}

/** The name a tool is registered under. */
export const canonicalName = (name: string): string => (Object.hasOwn(aliases, name) ? aliases[name]! : name)

/** Entries as in a list; undefined is everything. */
const profiles: Readonly<Record<string, readonly string[] | undefined>> = {
  full: undefined,
  '': undefined,
  minimal: ['session_status'],
  coding: [
    'group:fs',
    'group:runtime',
    'group:sessions',
    'group:memory',
    'group:web',
    'read_image',
    'create_image',
    'skill_search',
  ],
  messaging: [
    'group:messaging',
    'group:web',
    'sessions_list',
    'sessions_history',
    'sessions_send',
    'session_status',
    'read_image',
    'skill_search',
  ],
}

/** An unknown profile restricts nothing. */
export const isKnownProfile = (profile: string): boolean => Object.hasOwn(profiles, profile)

/** Profiles that rules name and that are none: whoever wrote them means them to restrict something. */
export const unknownProfiles = (rules: ToolRules | undefined): string[] =>
  [rules, ...Object.values(rules?.byProvider ?? {})].flatMap((rule) =>
    rule?.profile === undefined || isKnownProfile(rule.profile) ? [] : [rule.profile],
  )

const subagentDenies = {
  child: [
    'exec',
    'gateway',
    'agents_list',
    'whatsapp_login',
    'session_status',
    'cron',
    'memory_search',
    'memory_get',
    'sessions_send',
    'team_tasks',
  ],
  deepest: ['sessions_list', 'sessions_history', 'spawn'],
}

type Expand = (entries: readonly string[] | undefined) => ReadonlySet<string>

const expandWith =
  (extra: PolicyInput['groups'] = {}): Expand =>
  (entries = []) =>
    new Set(
      entries.flatMap((entry) => {
        if (!entry.startsWith('group:')) return [canonicalName(entry)]
        const group = entry.slice('group:'.length)
        if (Object.hasOwn(extra, group)) return extra[group]!
        return Object.hasOwn(toolGroups, group) ? toolGroups[group]! : []
      }),
    )

const providerRules = (rules: ToolRules | undefined, provider: string | undefined) =>
  provider !== undefined && rules?.byProvider && Object.hasOwn(rules.byProvider, provider)
    ? rules.byProvider[provider]
    : undefined

/**
 * The names of `registry` that may be used, in its order.
 *
 * Profiles and allow lists narrow, one after the other; deny lists take away; alsoAllow gives back, but only what is in
 * the registry, so a disabled tool stays away; a subagent's denials come last. Empty lists restrict nothing.
 * @param registry the tools there are for the tenant, disabled ones left out
 */
export const allowedTools = (registry: readonly string[], input: PolicyInput): string[] => {
  const { global, agent, provider, request, subagent } = input
  const expand = expandWith(input.groups)
  const [globalFor, agentFor] = [providerRules(global, provider), providerRules(agent, provider)]
  const profileEntries = (profile: string | undefined) =>
    profile !== undefined && isKnownProfile(profile) ? profiles[profile] : undefined

  const narrowing = [
    profileEntries(globalFor?.profile ?? global?.profile),
    profileEntries(agentFor?.profile ?? agent?.profile),
    global?.allow,
    globalFor?.allow,
    agent?.allow,
    agentFor?.allow,
    request,
  ]
    .filter((list) => list !== undefined && list.length > 0)
    .map(expand)
  const rules = [global, globalFor, agent, agentFor]
  const denied = expand(rules.flatMap((rule) => rule?.deny ?? []))
  const givenBack = expand(rules.flatMap((rule) => rule?.alsoAllow ?? []))
  const lost = new Set([
    ...(subagent ? subagentDenies.child : []),
    ...(subagent === 'deepest' ? subagentDenies.deepest : []),
  ])

  return registry.filter((name) => {
    const passes = narrowing.every((list) => list.has(name)) && !denied.has(name)
    return (passes || givenBack.has(name)) && !lost.has(name)
  })
}

/** The registered name of what a model called: the agreed prefix taken off, an alias resolved. */
export const calledTool = (called: string, prefix = ''): string => {
  const [before = '', after = ''] = prefix.includes('{tool_name}') ? prefix.split('{tool_name}') : [prefix]
  const wrapped = prefix !== '' && called.startsWith(before) && called.endsWith(after)
  const bare = wrapped ? called.slice(before.length, called.length - after.length) : called
  return canonicalName(bare === '' ? called : bare)
}
