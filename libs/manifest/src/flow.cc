// SPDX-License-Identifier: Apache-2.0
// The graph of a tenant: telemetries are read by groups and written by groups. A mapping by type is
// a group of a representative asset of that type, and one of each asset that some mapping names:
// all other assets behave as the representative.
#include <algorithm>
#include <map>
#include <tuple>

#include "outrigger/manifest/mapping.h"
#include "shape.h"

namespace outrigger::manifest {
namespace {

const JsonPositions kNowhere;

struct Write {
  std::size_t model;
  std::size_t group;      // vertex
  std::size_t telemetry;  // vertex
  const std::string* column;
  const Side* side;
};

class FlowGraph {
 public:
  FlowGraph(std::span<const MappedModel> models, const TypeOfAsset& types) : models_(models) {
    std::map<std::string_view, std::vector<std::string_view>> assets_of;
    for (const auto& [asset, type] : types) assets_of[type].push_back(asset);
    for (std::size_t m = 0; m < models.size(); ++m) {
      for (const Group& group : models[m].mapping->groups) {
        AddGroup(m, group, "");
        if (!models[m].mapping->by_type()) continue;
        for (const std::string_view asset : assets_of[models[m].mapping->asset_type])
          AddGroup(m, group, asset);
      }
    }
    FindComponents();
  }

  const std::vector<Write>& writes() const { return writes_; }

  // Whether what is written comes back to the group that writes it.
  bool InCycle(const Write& write) const {
    return component_[write.group] == component_[write.telemetry];
  }

  // Another model on the same cycle, one that reads what is written if there is one.
  const std::string* OtherOnCycle(const Write& write) const {
    for (const std::size_t reader : next_[write.telemetry]) {
      if (component_[reader] == component_[write.group] && model_[reader] != write.model)
        return &models_[model_[reader]].model;
    }
    for (std::size_t v = 0; v < next_.size(); ++v) {
      if (component_[v] == component_[write.group] && model_[v] != kNoModel &&
          model_[v] != write.model)
        return &models_[model_[v]].model;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t kNoModel = static_cast<std::size_t>(-1);

  std::size_t AddVertex(std::size_t model) {
    next_.emplace_back();
    model_.push_back(model);
    return next_.size() - 1;
  }

  std::size_t Telemetry(const Side& side, std::string_view asset) {
    const bool of_asset = !side.asset.empty() || !asset.empty();
    const std::string_view owner = !side.asset.empty() ? std::string_view(side.asset)
                                   : of_asset          ? asset
                                                       : std::string_view(side.asset_type);
    const auto [found, fresh] =
        telemetries_.try_emplace({of_asset, owner, std::string_view(side.telemetry)}, 0);
    if (fresh) found->second = AddVertex(kNoModel);
    return found->second;
  }

  void AddGroup(std::size_t model, const Group& group, std::string_view asset) {
    const std::size_t vertex = AddVertex(model);
    for (const auto& [column, side] : group.inputs) {
      const std::size_t telemetry = Telemetry(side, asset);
      next_[telemetry].push_back(vertex);
    }
    for (const auto& [column, side] : group.outputs) {
      const std::size_t telemetry = Telemetry(side, asset);
      next_[vertex].push_back(telemetry);
      writes_.push_back({model, vertex, telemetry, &column, &side});
    }
  }

  // Strongly connected components by Tarjan's algorithm, without recursion.
  void FindComponents() {
    const std::size_t count = next_.size();
    component_.assign(count, 0);
    std::vector<std::size_t> order(count, 0), low(count, 0), edge(count, 0), open, path;
    std::vector<bool> is_open(count, false);
    std::size_t visited = 0;
    std::size_t components = 0;
    for (std::size_t root = 0; root < count; ++root) {
      if (order[root] != 0) continue;
      path.push_back(root);
      while (!path.empty()) {
        const std::size_t v = path.back();
        if (order[v] == 0) {
          order[v] = low[v] = ++visited;
          open.push_back(v);
          is_open[v] = true;
        }
        if (edge[v] < next_[v].size()) {
          const std::size_t w = next_[v][edge[v]++];
          if (order[w] == 0)
            path.push_back(w);
          else if (is_open[w])
            low[v] = std::min(low[v], order[w]);
          continue;
        }
        path.pop_back();
        if (!path.empty()) low[path.back()] = std::min(low[path.back()], low[v]);
        if (low[v] != order[v]) continue;
        ++components;
        std::size_t w = 0;
        do {
          w = open.back();
          open.pop_back();
          is_open[w] = false;
          component_[w] = components;
        } while (w != v);
      }
    }
  }

  std::span<const MappedModel> models_;
  std::map<std::tuple<bool, std::string_view, std::string_view>, std::size_t> telemetries_;
  std::vector<std::vector<std::size_t>> next_;  // by vertex: where its data goes
  std::vector<std::size_t> model_;              // by vertex; kNoModel: a telemetry
  std::vector<std::size_t> component_;          // by vertex
  std::vector<Write> writes_;
};

std::string TelemetryText(const Side& side) {
  return "the telemetry " + Quoted(side.telemetry) +
         (side.asset.empty() ? " of the asset type " + Quoted(side.asset_type)
                             : " of the asset " + Quoted(side.asset));
}

void AddCycle(const Write& write, const std::string* other, std::string_view who,
              FaultList& faults) {
  const std::string output = std::string(who) + "output " + Quoted(*write.column) + " goes to " +
                             TelemetryText(*write.side);
  faults.Add(write.side->pointer, "cycle",
             other ? output + ", which comes back to its inputs through the model " + Quoted(*other)
                   : output + ", which is among the inputs it is made from",
             "Choose a telemetry that the model does not depend on.");
}

void AddSecondWriter(const Write& write, const std::string* other, std::string_view who,
                     FaultList& faults) {
  faults.Add(write.side->pointer, "two-writers",
             std::string(who) + "output " + Quoted(*write.column) + " goes to " +
                 TelemetryText(*write.side) + ", which " +
                 (other ? "the model " + Quoted(*other) : "another output of this model") +
                 " writes already",
             "Give it a telemetry of its own.");
}

// Faults of the writes of one model, or of all, each side told once for each kind.
std::vector<Fault> Judge(std::span<const MappedModel> models, const TypeOfAsset& types,
                         std::optional<std::size_t> only) {
  const FlowGraph graph(models, types);
  FaultList faults(kNowhere);
  std::map<std::size_t, const Write*> writers;  // by telemetry
  std::set<std::pair<const Side*, bool>> told;
  const auto judge = [&](const Write& write) {
    const std::string who =
        only ? "The " : "The model " + Quoted(models[write.model].model) + "'s ";
    if (graph.InCycle(write) && told.emplace(write.side, true).second)
      AddCycle(write, graph.OtherOnCycle(write), who, faults);
    const auto [first, fresh] = writers.emplace(write.telemetry, &write);
    if (fresh || first->second->side == write.side || !told.emplace(write.side, false).second)
      return;
    const std::size_t other = first->second->model;
    AddSecondWriter(write, other == write.model ? nullptr : &models[other].model, who, faults);
  };
  for (const Write& write : graph.writes()) {
    if (only && write.model != *only) writers.emplace(write.telemetry, &write);
  }
  for (const Write& write : graph.writes()) {
    if (!only || write.model == *only) judge(write);
  }
  return std::move(faults).Take();
}

}  // namespace

std::vector<Fault> CheckFlow(const MappedModel& candidate, std::span<const MappedModel> others,
                             const TypeOfAsset& types) {
  std::vector<MappedModel> models{candidate};
  models.insert(models.end(), others.begin(), others.end());
  return Judge(models, types, 0);
}

std::optional<Fault> FindFlowFault(std::span<const MappedModel> models, const TypeOfAsset& types) {
  auto faults = Judge(models, types, std::nullopt);
  if (faults.empty()) return std::nullopt;
  return std::move(faults.front());
}

}  // namespace outrigger::manifest
