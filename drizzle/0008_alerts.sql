ALTER TABLE "np_slos" ADD COLUMN "alerts" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "alerts_change_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "alert_outbox" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "alert_due_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "idx_np_slos_alert_due" ON "np_slos" USING btree ("source_account_id","alert_due_at") WHERE alert_due_at IS NOT NULL;