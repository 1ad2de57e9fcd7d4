-- +goose Up

-- Figures of areas are of H3 resolution 10 from now on, fine enough to be summed by district: every week is summed anew.
insert into figures_due select distinct week from week_figures;

-- +goose Down
insert into figures_due select distinct week from week_figures;
