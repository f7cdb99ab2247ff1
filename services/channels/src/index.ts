export { channelsService } from './service.ts'
