/** What the agents service knows of a rule about who may change an agent from a chat. */
import type { ws } from '@clawmesh/contracts'
import type { RequestShape, ResponseShape } from '@clawmesh/chassis'

type Methods = typeof ws.configPermissions.methods

export type ConfigPermission = ResponseShape<Methods['config.permissions.list']['result']>['permissions'][number]
/** What names a rule of an agent. */
export type PermissionName = Pick<ConfigPermission, 'scope' | 'configType' | 'userId'>
export type NewPermission = Omit<RequestShape<Methods['config.permissions.grant']['params']>, 'agentId'>
