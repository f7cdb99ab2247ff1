/** What file tools work on: the user's workspace, and the context files that stand in it. */
import type { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import type { RpcFunctions } from '@clawmesh/chassis'
import type { CallScope } from '../invoke/types.ts'
import type { Quota } from '../storage/quota.ts'
import type { PortMakers } from '../tool/ports.ts'
import { workspacePath } from '../workspace/index.ts'
import type { WorkspaceFiles } from '../workspace/types.ts'

type Agents = Pick<RpcFunctions<typeof AgentsServiceService>, 'getContextFile' | 'setContextFile' | 'checkFileWriter'>

/** Whether a user works in the agent's own folder. */
const sharesWorkspace = ({ agent, peerKind, userId }: CallScope): boolean => {
  const sharing = agent?.workspaceSharing
  return sharing !== undefined && (sharing[peerKind] || sharing.users.includes(userId))
}

/**
 * @param workspaceDir base folder of all workspaces, absolute
 * @param take takes note of what a tenant is about to keep
 * @param files where they are kept
 */
export const createFilePorts = (agents: Agents, workspaceDir: string, take: Quota['take'], files: WorkspaceFiles) =>
  ({
    agent: ({ agent }) => agent,
    workspace: (scope) => {
      const { call, userId, agent } = scope
      const { caller } = call
      return (
        agent && {
          ...workspacePath(workspaceDir, {
            tenantId: caller.tenantId,
            tenantSlug: caller.tenantSlug,
            userId,
            agentKey: agent.key,
            agentWorkspace: agent.workspaceFolder,
            shared: sharesWorkspace(scope),
          }),
          files,
          grow: (bytes: number) => take(caller, bytes),
        }
      )
    },
    contextFiles: ({ call, agent, peerKind, userId, channel, chatId }) =>
      agent && {
        get: (file) => agents.getContextFile(call, file),
        set: (file) => agents.setContextFile(call, file),
        isWriter: async () =>
          peerKind !== 'group' ||
          (await agents.checkFileWriter(call, { agentId: agent.id, userId, channel, chatId })).allowed,
      },
  }) satisfies PortMakers<CallScope>
