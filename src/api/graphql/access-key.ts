import type { AccessKey } from '../../services/access-keys.ts';
import { createAccessKey } from '../../services/create-access-key.ts';
import { builder } from './builder.ts';
import { NpSloError, type Payload, toPayload } from './payload-error.ts';

const NpSloAccessKey = builder.objectRef<AccessKey>('NpSloAccessKey').implement({
  description: 'A key for HTTP Basic. It is not kept: this is the one time that it is seen.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Names the key in ACCESS_KEY_REVOKED.' }),
    role: t.exposeString('role', { description: 'What the key may do.' }),
    username: t.exposeString('username', { description: 'The user of HTTP Basic: the account.' }),
    password: t.exposeString('password', { description: 'The password of HTTP Basic: a secret.' }),
  }),
});

const NpSloAccessKeyPayload = builder.objectRef<Payload<AccessKey>>('NpSloAccessKeyPayload').implement({
  description: 'The key that was made, or why none was.',
  fields: (t) => ({
    accessKey: t.field({
      type: NpSloAccessKey,
      nullable: true,
      description: 'Null when there are errors.',
      resolve: (payload) => payload.result,
    }),
    errors: t.field({
      type: [NpSloError],
      description: 'Empty when all went well.',
      resolve: (payload) => payload.errors,
    }),
  }),
});

builder.mutationFields((t) => ({
  createAccessKey: t.field({
    type: NpSloAccessKeyPayload,
    description: "Makes an access key for one's own account.",
    args: { role: t.arg.string({ description: 'What the key may do; `viewer` when left out.' }) },
    resolve: (_root, { role }, { services: ctx }) =>
      toPayload(async () => createAccessKey({ ctx, input: { role: role ?? undefined } })),
  }),
}));
