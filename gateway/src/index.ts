export { gatewayConfig, type GatewayConfig } from './config.ts'
export { gatewayService, type GatewayService } from './service.ts'
