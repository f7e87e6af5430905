ALTER TABLE "np_slo_snapshots" ADD COLUMN "evaluated_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "counted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "lookback_end" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "composite_max_delay" double precision;--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "component_impact" double precision[];--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "component_delay" double precision[];--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "component_was_delayed" double precision[];--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD COLUMN "component_loss" double precision[];--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "level" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "component_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "recompute_from" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "idx_np_slos_composites" ON "np_slos" USING btree ("source_account_id","level") WHERE level > 0;