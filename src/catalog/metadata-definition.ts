/** `metadata` of offerings and plans: free, but for the keys that platforms read and fail on when they are wrong. */
import { z } from 'zod';

/** OSBAPI, "Catalog Management": no platform is known to fail on strings of up to 255 characters. */
const label = z.string().max(255).optional();

const cost = z.strictObject({
  amount: z
    .record(z.string(), z.number())
    .refine((amount) => Object.keys(amount).length > 0, 'must name a currency, such as usd: 9.99'),
  unit: z.string().min(1).max(255),
});

/** OSBAPI profile, "Service Metadata" and "Plan Metadata Fields". Every other key may hold anything. */
export const metadataDefinition = z
  .object({
    displayName: label,
    providerDisplayName: label,
    documentationUrl: label,
    supportUrl: label,
    listing: label,
    // These two are long by nature: a text of some paragraphs, and often a data: URL.
    longDescription: z.string().optional(),
    imageUrl: z.string().optional(),
    provider: z.strictObject({ name: z.string().max(255) }).optional(),
    shareable: z.boolean().optional(),
    bullets: z.array(z.string().min(1).max(255)).optional(),
    costs: z.array(cost).optional(),
  })
  .catchall(z.json());
