ALTER TABLE "np_slos" ADD COLUMN "pull_from" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "pulled_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "last_pulled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "last_error" text;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "pulled_recent" jsonb;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "backfill" jsonb;--> statement-breakpoint
CREATE INDEX "idx_np_slos_pulled" ON "np_slos" USING btree ("source_account_id","pulled_until") WHERE pulled_until IS NOT NULL;