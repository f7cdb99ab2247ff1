import { settingFromEnv } from '@clawmesh/chassis'
import { gatewayConfig } from '@clawmesh/gateway/config'

/** The version that the edge shows, read before the rest of the configuration is known to be right. */
export const version = settingFromEnv(gatewayConfig.settings.version, process.env)
