export { gatewayConfig, isOpenToAll } from './config.ts'
export { gatewayService, type GatewayService } from './service.ts'
