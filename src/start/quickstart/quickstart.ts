/**
 * `chandler quickstart`: brings up what is missing, starts a broker and walks the main job through its OSB API, so
 * that a newcomer sees within minutes a database that an app uses.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Listr, PRESET_TIMER } from 'listr2';
import { readConfig } from '../../config/read-config.ts';
import { generatePassword } from '../../lib/password.ts';
import { migrate } from '../../store/migrate.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { type RunningBroker, serve } from '../serve.ts';
import { clusterGround, ensureHelm, postgresGround } from './ground.ts';
import { OsbClient, QuickstartFailed } from './osb-client.ts';
import { AppNamespace, sampleAppDeployment, sampleAppMark } from './sample-app.ts';

export interface QuickstartOptions {
  kubeconfig?: string;
  /** Verify, take everything down, return. */
  once: boolean;
  environment: Readonly<Record<string, string | undefined>>;
}

interface Walk {
  cluster: Awaited<ReturnType<typeof clusterGround>>;
  postgres: Awaited<ReturnType<typeof postgresGround>>;
  helmPath: string;
  broker: RunningBroker;
  client: OsbClient;
  password: string;
  serviceId: string;
  planId: string;
  app: AppNamespace;
  bindingName: string;
  line: string;
}

const username = 'quickstart';
const logFolder = '.chandler';

/** @throws QuickstartFailed, ClusterError and others with a sentence for the reader */
export async function quickstart(options: QuickstartOptions): Promise<void> {
  const started = Date.now();
  const instanceId = randomUUID();
  const bindingId = randomUUID();
  const instancePath = `/v2/service_instances/${instanceId}`;
  const bindingPath = `${instancePath}/service_bindings/${bindingId}`;
  const walk: Partial<Walk> = {};
  const interrupted = untilInterrupted();

  let failure: unknown;
  try {
    const walking = walkThrough(walk, options, { instancePath, bindingPath, bindingId });
    await Promise.race([
      walking,
      interrupted.then(() => {
        walking.catch(() => undefined);
        throw new QuickstartFailed('interrupted; what was made so far is removed');
      }),
    ]);
    printResult(walk as Walk, { started, instancePath, bindingPath });
    if (!options.once) {
      print(
        'Press Ctrl-C to stop the broker and to remove the sample app with its instance. Instances that you made stay; the next quickstart serves them again.',
      );
      await interrupted;
    }
  } catch (thrown) {
    failure = thrown;
  }
  await cleanUp(walk, options, { instancePath, bindingPath }, failure !== undefined);
  if (failure !== undefined) throw failure;
  if (options.once) print(`quickstart verified in ${seconds(started)} s, what it brought up is taken down`);
}

interface Paths {
  instancePath: string;
  bindingPath: string;
}

function list(tasks: ConstructorParameters<typeof Listr<Partial<Walk>>>[0]) {
  return new Listr<Partial<Walk>>(tasks, {
    concurrent: false,
    // An interrupt is ours to handle: what was made so far must be removed.
    registerSignalListeners: false,
    rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false },
    fallbackRendererOptions: { timer: PRESET_TIMER },
  });
}

async function walkThrough(
  walk: Partial<Walk>,
  options: QuickstartOptions,
  { instancePath, bindingPath, bindingId }: Paths & { bindingId: string },
): Promise<void> {
  const appName = 'sample-app';
  const namespace = `chandler-quickstart-${randomBytes(3).toString('hex')}`;
  await list([
    {
      title: 'Kubernetes',
      task: async (context, task) => {
        const say = (message: string) => {
          task.output = message;
        };
        context.helmPath = await ensureHelm();
        context.cluster = await clusterGround(options, say);
      },
    },
    {
      title: 'Postgres for the state of Chandler',
      task: async (context, task) => {
        context.postgres = await postgresGround(options.environment, (message) => {
          task.output = message;
        });
        await migrate(context.postgres.access.url);
      },
    },
    {
      title: 'Chandler',
      task: async (context, task) => {
        context.password = generatePassword(24);
        context.broker = await startBroker(context as Walk, options);
        context.client = new OsbClient({ url: context.broker.url, username, password: context.password });
        task.title = `Chandler at ${context.broker.url}`;
      },
    },
    {
      title: 'Catalog',
      task: async (context, task) => {
        const { body } = await (context as Walk).client.expect([200], 'GET', '/v2/catalog');
        const [service] = body.services as {
          id: string;
          name: string;
          plans: { id: string; name: string }[];
        }[];
        const [plan] = service?.plans ?? [];
        if (service === undefined || plan === undefined) throw new QuickstartFailed('the catalog is empty');
        context.serviceId = service.id;
        context.planId = plan.id;
        task.title = `Catalog: ${service.name} with the plans ${service.plans.map(({ name }) => name).join(', ')}`;
      },
    },
    {
      title: 'Provision a service instance',
      task: async (context, task) => {
        const { client, cluster, serviceId, planId } = context as Walk;
        context.app = new AppNamespace(cluster.access.kubeconfigPath, namespace);
        await context.app.create();
        await client.expect([202], 'PUT', `${instancePath}?accepts_incomplete=true`, {
          service_id: serviceId,
          plan_id: planId,
          organization_guid: 'quickstart',
          space_guid: 'quickstart',
          context: { platform: 'kubernetes', namespace },
        });
        await client.untilFinished(instancePath, (description) => {
          task.output = description;
        });
        task.title = 'Service instance provisioned: a PostgreSQL in a pod of its own';
      },
    },
    {
      title: 'Bind',
      task: async (context, task) => {
        const { client, app, serviceId, planId } = context as Walk;
        await client.expect([201], 'PUT', bindingPath, {
          service_id: serviceId,
          plan_id: planId,
          context: { platform: 'kubernetes', namespace },
        });
        context.bindingName = await app.findBindingSecret(bindingId);
        task.title = `Bound: Secret and ConfigMap ${context.bindingName} in namespace ${namespace}`;
      },
    },
    {
      title: 'Sample app: a Deployment with envFrom and a volume mount',
      task: async (context, task) => {
        const { app, cluster, bindingName } = context as Walk;
        const image = cluster.access.appImage;
        await app.deploy(sampleAppDeployment({ namespace, name: appName, bindingName, image }));
        context.line = await app.waitForLine(appName, sampleAppMark);
        task.title = 'Sample app wrote a row and read it back';
      },
    },
  ]).run(walk);
}

async function startBroker({ cluster, postgres, helmPath, password }: Walk, options: QuickstartOptions) {
  mkdirSync(logFolder, { recursive: true });
  const config = readConfig({
    DATABASE_URL: postgres.access.url,
    CHANDLER_KEY_FILE: postgres.access.keyFile,
    CHANDLER_USERNAME: username,
    CHANDLER_PASSWORD: password,
    CHANDLER_KUBECONFIG: cluster.access.kubeconfigPath,
    CHANDLER_HELM: helmPath,
    CHANDLER_PORT: options.environment.CHANDLER_PORT ?? '0',
    CHANDLER_PLAN_SET: JSON.stringify(cluster.access.planSet),
    CHANDLER_CATALOG: options.environment.CHANDLER_CATALOG,
  });
  const destination = createWriteStream(join(logFolder, 'quickstart.log'), { flags: 'w' });
  return serve(config, createLogger({ level: 'debug', destination }));
}

function printResult(walk: Walk, at: Paths & { started: number }): void {
  const { broker, password, planId, serviceId, line, cluster, app } = walk;
  const ids = `"service_id":"${serviceId}","plan_id":"${planId}"`;
  const query = `service_id=${serviceId}&plan_id=${planId}`;
  const context = `"context":{"platform":"kubernetes","namespace":"${app.name}"}`;
  print(`
The sample app says, from inside its pod:
  ${line}

Ready after ${seconds(at.started)} s. The broker listens at ${broker.url}, user ${username}, password ${password}.
Its log is in ${logFolder}/quickstart.log. Try next:

  osb() { curl -s -u ${username}:${password} -H 'X-Broker-API-Version: 2.17' -H 'Content-Type: application/json' "$@"; echo; }
  export KUBECONFIG=${cluster.access.kubeconfigPath}
  mine=${broker.url}/v2/service_instances/mine

  osb ${broker.url}/v2/catalog
  osb ${broker.url}${at.instancePath}/last_operation
  osb -X PUT "$mine?accepts_incomplete=true" \\
      -d '{${ids},"organization_guid":"me","space_guid":"me",${context}}'
  osb "$mine/last_operation"
  osb -X PUT "$mine/service_bindings/first" -d '{${ids}}'
  kubectl get secret -n ${app.name} -l chandler.dev/binding-id=first -o yaml
  osb -X PUT "$mine/service_bindings/second" -d '{"predecessor_binding_id":"first"}'
  osb -X DELETE "$mine/service_bindings/first?${query}"
  osb -X PATCH "$mine?accepts_incomplete=true" -d '{"service_id":"${serviceId}","parameters":{"maxConnections":60}}'
  osb -X DELETE "$mine?accepts_incomplete=true&${query}"
`);
}

/** Resolves at the first Ctrl-C or SIGTERM; the second one ends the process at once. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve();
        process.once(signal, () => process.exit(1));
      });
    }
  });
}

/**
 * Undoes the walk as far as it came. After a failure the first error counts, so errors in here are only told.
 * Interactive runs leave the cluster and Postgres up: the next quickstart starts warm.
 */
async function cleanUp(
  walk: Partial<Walk>,
  options: QuickstartOptions,
  { instancePath, bindingPath }: Paths,
  tolerant: boolean,
): Promise<void> {
  const { client, serviceId, planId } = walk;
  const ids = `service_id=${serviceId ?? ''}&plan_id=${planId ?? ''}`;
  const undo: { title: string; when: boolean; task: (say: (message: string) => void) => Promise<unknown> }[] =
    [
      {
        title: 'Unbind',
        when: walk.bindingName !== undefined,
        task: async () => client?.expect([200, 410], 'DELETE', `${bindingPath}?${ids}`),
      },
      {
        title: 'Deprovision',
        when: walk.app !== undefined,
        task: async (say) => {
          await client?.expect([200, 202, 410], 'DELETE', `${instancePath}?${ids}&accepts_incomplete=true`);
          await client?.untilFinished(instancePath, say).catch((thrown: unknown) => {
            if (!(thrown instanceof QuickstartFailed && thrown.message.includes('404'))) throw thrown;
          });
        },
      },
      { title: 'Remove the sample app', when: walk.app !== undefined, task: async () => walk.app?.remove() },
      {
        title: 'Stop Chandler',
        when: walk.broker !== undefined,
        task: async () => walk.broker?.stop('quickstart ends'),
      },
      {
        title: 'Stop Postgres',
        when: options.once && walk.postgres?.release !== undefined,
        task: async (say) => walk.postgres?.release?.(say),
      },
      {
        title: 'Stop Kubernetes',
        when: options.once && walk.cluster?.release !== undefined,
        task: async (say) => walk.cluster?.release?.(say),
      },
    ];
  await new Listr(
    undo
      .filter(({ when }) => when)
      .map(({ title, task }) => ({
        title,
        task: (_: unknown, entry: { output: string }) =>
          task((message) => {
            entry.output = message;
          }).then(() => undefined),
      })),
    {
      exitOnError: !tolerant,
      registerSignalListeners: false,
      rendererOptions: { timer: PRESET_TIMER },
      fallbackRendererOptions: { timer: PRESET_TIMER },
    },
  ).run();
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
