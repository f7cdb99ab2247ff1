/** gRPC server reflection (grpc.io, "gRPC Server Reflection Protocol"), made when it is first asked for. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { handleBidiStreamingCall, MethodDefinition, Server } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

interface Answering {
  definition: MethodDefinition<unknown, unknown>
  answer: handleBidiStreamingCall<unknown, unknown>
}

const method = 'ServerReflectionInfo'
/** Clients speak one or the other. */
const paths = ['v1', 'v1alpha'].map((version) => `/grpc.reflection.${version}.ServerReflection/${method}`)

/** What answers, by the path of its method. Reads the descriptors of all that the mesh speaks. */
const readReflection = (): ReadonlyMap<string, Answering> => {
  const answering = new Map<string, Answering>()
  const descriptors = readFileSync(fileURLToPath(import.meta.resolve('@clawmesh/contracts/descriptors')))
  new ReflectionService(loadFileDescriptorSetFromBuffer(descriptors)).addToServer({
    addService: (service, functions) => {
      const definition = service[method] as Answering['definition']
      answering.set(definition.path, { definition, answer: functions[method] as Answering['answer'] })
    },
  })
  return answering
}

/** Adds reflection to a server. Hardly any process is ever asked, and reading the descriptors is an eighth of its start. */
export const addReflection = (server: Server): void => {
  let read: ReadonlyMap<string, Answering> | undefined
  for (const path of paths) {
    const answering = (): Answering => (read ??= readReflection()).get(path)!
    const definition: Answering['definition'] = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (request) => answering().definition.requestSerialize(request),
      requestDeserialize: (bytes) => answering().definition.requestDeserialize(bytes),
      responseSerialize: (response) => answering().definition.responseSerialize(response),
      responseDeserialize: (bytes) => answering().definition.responseDeserialize(bytes),
    }
    const answer: Answering['answer'] = (stream) => answering().answer(stream)
    server.addService({ [method]: definition }, { [method]: answer })
  }
}
