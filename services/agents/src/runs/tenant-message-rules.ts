/** What is done about the messages of users: as the tenant has set it, else as the installation is configured. */
import { systemConfigsOf, type Logger, type Mesh } from '@clawmesh/chassis'
import { messageRules, type MessageRules, type MessageRulesOf } from './message-rules.ts'

/** A run is not held up longer than this for a rule. */
const answerWithinMs = 1_000

export const createTenantMessageRules = (
  mesh: Pick<Mesh, 'client' | 'cache'>,
  installation: () => MessageRules,
  log: Logger,
): MessageRulesOf => {
  const systemConfigs = systemConfigsOf(mesh, answerWithinMs)
  return async (call) => {
    const { tenantId } = call.caller
    const own = await systemConfigs(call).catch((err: unknown) => {
      log.warn({ err, tenantId }, 'system configs could not be read, the configuration of the installation is used')
      return {}
    })
    return messageRules(own, installation())
  }
}
