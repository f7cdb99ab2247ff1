/** Which of a tenant's providers read or make media. */
import type { MediaProvider } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ProviderConnection } from '../providers/connection.ts'
import { providerType, providerTypeTable } from '../providers/provider-types.ts'
import { furtherModels, mediaAliases, mediaDefaults, type MediaTool } from './defaults.ts'
import { isMakingTool, makerOf } from './vendors/table.ts'

/** OpenAI itself: many speak like it and can less. */
const isOpenAi = ({ name, apiBase }: ProviderConnection): boolean =>
  name === 'openai' || apiBase === '' || apiBase.startsWith(providerTypeTable.openai_compat.base)

const isAsked = (connection: ProviderConnection, type: string): boolean =>
  connection.type === type && (type !== 'openai_compat' || isOpenAi(connection))

/** Whether a provider could be told to, by a chain: any that chats may be shown files, making takes a vendor's way. */
const canServe = (tool: MediaTool, { type }: ProviderConnection): boolean =>
  isMakingTool(tool) ? makerOf(tool, type) !== undefined : providerType(type)?.canChat === true

/** The model of a provider that nobody asks by default: that of its type for this, else for chats. */
const furtherModel = (tool: MediaTool, { type }: ProviderConnection): string => {
  const known = mediaDefaults[tool].find(([asked]) => asked === type)?.[1] ?? furtherModels[tool]?.[type]
  return known ?? (isMakingTool(tool) ? '' : (providerType(type)?.model ?? ''))
}

const described = (connection: ProviderConnection, model: string, byDefault: boolean): MediaProvider => ({
  id: connection.id ?? '',
  name: connection.name,
  type: connection.type,
  model: model || (providerType(connection.type)?.model ?? ''),
  byDefault,
  alias: mediaAliases[connection.type] ?? '',
  files: [...(providerType(connection.type)?.files ?? [])],
})

/** Those that are asked by default in their order, then the others that can be named. */
export const mediaCandidates = (tool: MediaTool, usable: readonly ProviderConnection[]): MediaProvider[] => {
  const able = usable.filter((connection) => canServe(tool, connection))
  const asked = mediaDefaults[tool].flatMap(([type, model]) =>
    able.filter((connection) => isAsked(connection, type)).map((connection) => ({ connection, model })),
  )
  const others = able.filter((connection) => asked.every((other) => other.connection !== connection))
  return [
    ...asked.map(({ connection, model }) => described(connection, model, true)),
    ...others.map((connection) => described(connection, furtherModel(tool, connection), false)),
  ]
}
