ALTER TABLE "np_slo_snapshots" DROP CONSTRAINT "np_slo_snapshots_pkey";--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ADD CONSTRAINT "np_slo_snapshots_pkey" PRIMARY KEY("source_account_id","at","slo_id","objective");--> statement-breakpoint
CREATE INDEX "idx_np_slo_snapshots_days" ON "np_slo_snapshots" USING btree ("source_account_id","slo_id","objective","at") WHERE base_good IS NOT NULL;
